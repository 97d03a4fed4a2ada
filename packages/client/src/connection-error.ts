import type { EndStatus, PublicError } from "@holdfast/core";
import type { Details, LossReason } from "./outcome.ts";

/**
 * Why a connection is over for good: a loss that is fatal; an end of the stream other than `done`; `gave-up` after too
 * long without a healthy connection; `invalid` data.
 */
export type FailureReason = LossReason | Exclude<EndStatus, "done"> | "gave-up" | "invalid";

/** A connection is over for good, and its stream has not come whole. */
export class ConnectionError extends Error implements Details {
  override readonly name = "ConnectionError";
  declare readonly reason: FailureReason;
  declare readonly status: number | undefined;
  declare readonly server: PublicError | undefined;

  constructor(reason: FailureReason, message: string, { cause, status, server }: Details) {
    super(message, { cause });
    Object.assign(this, { reason, status, server });
  }
}
