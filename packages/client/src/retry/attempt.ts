import type { PublicError } from "@holdfast/core";
import type { FailureReason } from "./connection-error.ts";
import type { Loss } from "./loss.ts";

/** How an attempt ended. Every outcome but a loss has a `type`. */
export type AttemptOutcome =
  /** The request or the response was lost: the policy decides what follows. */
  | (Loss & { readonly type?: undefined })
  /** The server asked the client to reconnect after its `retry:`, and gave the reason. */
  | { readonly type: "drain"; readonly reason: string; readonly message?: undefined }
  /** The client itself ended it, to reconnect at once or because the connection is over. */
  | {
      readonly type: "interrupt";
      readonly reason: "woken" | "reconnect" | "closed";
      readonly message?: undefined;
    }
  /** The stream has ended, or no other attempt can succeed. */
  | {
      readonly type: "end";
      readonly reason: "done" | FailureReason;
      readonly message: string;
      readonly cause?: unknown;
      /** The last `stream.error` before the end. */
      readonly server?: PublicError | undefined;
    };

/**
 * One attempt to read the stream, that is, a request and its response: an `AbortController` whose reason is the
 * outcome. Only the first outcome counts. It ends everything that is under way for the attempt.
 */
export interface Attempt extends AbortController {
  readonly signal: AbortSignal & { readonly reason: AttemptOutcome | undefined };
  abort(outcome: AttemptOutcome): void;
}
