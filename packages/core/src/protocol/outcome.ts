import type { HoldfastError } from "../base/errors.ts";
import type { CloseReason, EndStatus } from "./reasons.ts";

/** How a stream ended, and of a failure why. */
export interface StreamEnd {
  readonly status: EndStatus;
  readonly error: HoldfastError | undefined;
}

/** How an answer came to its end. */
export interface ServeResult {
  readonly status: number;
  /** Why the connection closed; `undefined` for an answer without a stream. */
  readonly reason?: CloseReason;
  /** How its stream ended, when the terminal record went out. */
  readonly end?: StreamEnd;
}
