import type { PublicError } from "@holdfast/core";

/** Why a request or a response was lost. */
export type LossReason =
  /** `fetch` failed, or the response broke off, be it within its head. */
  | "network"
  /** `url`, `headers` or `body` threw, or gave something that no request can be made of. */
  | "request"
  /** The response ended, and nobody said that the stream has. */
  | "eof"
  /** 204: there is nothing more. */
  | "no-content"
  /** 401 or 403. */
  | "unauthorized"
  /** 408, 425, 429 or 5xx. */
  | "unavailable"
  /** Any other status but 200. */
  | "refused"
  /** 200, and another type than `text/event-stream`. */
  | "content-type"
  /** A line or an event is over `maxEventSize`. */
  | "too-large"
  /** No answer within `connectTimeout`, or no byte within `idleTimeout`. */
  | "stalled";

/** What to do about a loss: come back later; ask for everything anew at once, but once in a row; end well; fail. */
export type Action = "retry" | "refresh" | "done" | "fatal";

/** A request or a response that was lost. */
export interface Loss {
  readonly reason: LossReason;
  /** In words, for people. */
  readonly message: string;
  /** The response's status, if there was one. */
  readonly status?: number;
  /** How long the server asks to wait by `Retry-After`, in ms. */
  readonly retryAfter?: number | undefined;
  /** What was thrown. */
  readonly cause?: unknown;
}

/** What to do about each loss; a function is asked for each. */
export type Policy = Readonly<Record<LossReason, Action | ((loss: Loss) => Action)>>;

export const POLICY: Policy = {
  network: "retry",
  request: "retry",
  eof: "retry",
  "no-content": "done",
  unauthorized: "refresh",
  unavailable: "retry",
  refused: "fatal",
  "content-type": "fatal",
  "too-large": "fatal",
  stalled: "retry",
};

/** What there is to know of a failure, beside its reason. */
export interface Details {
  readonly cause?: unknown;
  /** The status of the response, if it is over for it. */
  readonly status?: number | undefined;
  /** What the server said of it in its last `stream.error`. */
  readonly server?: PublicError | undefined;
}

/** How an attempt ended: a loss; or what the server or this machine said, which tells what to do. */
export type Outcome =
  | (Loss & { readonly action?: undefined })
  | (Details & {
      /** `drain`: come back when the server says. `renew`: come back at once. */
      readonly action: "drain" | "renew" | "done" | "fatal";
      readonly reason: string;
      readonly message: string;
    });
