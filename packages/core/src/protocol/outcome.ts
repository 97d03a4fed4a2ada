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
  /** What the application gave as the reason to disconnect it. */
  readonly cause?: unknown;
  /** How the stream ended, if its terminal record was written. */
  readonly end?: StreamEnd | undefined;
  /** `undefined` for a response without a stream. */
  readonly transfer?: Transfer | undefined;
}

/** What a connection has cost so far. */
export interface Transfer {
  /** Since its start, in ms. */
  readonly duration: number;
  /** User events written. */
  readonly events: number;
  /** Bytes written, heartbeats and control events included. */
  readonly bytes: number;
}
