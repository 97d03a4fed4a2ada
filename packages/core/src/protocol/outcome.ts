// Types only. Tested by test/connection/empty-response.test.ts and test/stream/subscription.test.ts.

import type { HoldfastError } from "../base/errors.ts";
import type { CloseReason, EndStatus } from "./reasons.ts";

/** How a stream ended. */
export interface StreamEnd {
  readonly status: EndStatus;
  /** The error of a failed stream. */
  readonly error: HoldfastError | undefined;
}

/** How a response ended. */
export interface ServeResult {
  /** The HTTP status. */
  readonly status: number;
  /** Why the connection closed; `undefined` for a response without a stream. */
  readonly reason?: CloseReason;
  /** How the stream ended, if its terminal record was written. */
  readonly end?: StreamEnd;
}
