/** Why a request or a response was lost. */
export type LossReason =
  /** `fetch` failed, or the connection broke before the response was complete. */
  | "network"
  /** The option `url`, `headers` or `body` threw, or gave a value that no request can be made of. */
  | "request"
  /** The response ended, but the stream did not. */
  | "eof"
  /** 204: there is nothing more to read. */
  | "no-content"
  /** 401 or 403. */
  | "unauthorized"
  /** 408, 425, 429 or 5xx. */
  | "unavailable"
  /** Any other status but 200. */
  | "refused"
  /** 200 with another content type than `text/event-stream`. */
  | "content-type"
  /** A line or an event is longer than `maxEventSize`. */
  | "too-large"
  /** No response within `connectTimeout`, or no byte within `idleTimeout`. */
  | "stalled";

/**
 * What to do about a loss:
 * - `retry`: reconnect after the back-off.
 * - `refresh`: reconnect at once, with a fresh `url`, `headers` and `body`. The next `refresh` fails, unless the
 *   connection was healthy in between.
 * - `done`: end well, as if the stream had.
 * - `fatal`: fail with a `ConnectionError`.
 */
export type Action = "retry" | "refresh" | "done" | "fatal";

/** A request or a response that was lost. */
export interface Loss {
  /** What was lost, and how: the key of the `policy` that is asked. */
  readonly reason: LossReason;
  /** A sentence for people. */
  readonly message: string;
  /** The status of the response, if there was one. */
  readonly status?: number;
  /** The delay that the server asked for with `Retry-After`, in ms. */
  readonly retryAfter?: number | undefined;
  /** The error that was thrown. */
  readonly cause?: unknown;
}

/** What to do about each loss. A function is called for each loss. */
export type Policy = Readonly<Record<LossReason, Action | ((loss: Loss) => Action)>>;

/** What to do about a loss, if it is not to retry. */
export const DEFAULT_POLICY: Partial<Policy> = {
  "no-content": "done",
  unauthorized: "refresh",
  refused: "fatal",
  "content-type": "fatal",
  "too-large": "fatal",
};
