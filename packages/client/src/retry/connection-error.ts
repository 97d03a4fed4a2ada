import type { EndStatus, PublicError } from "@holdfast/core";
import type { LossReason } from "./loss.ts";

/**
 * Why a connection failed for good: a fatal loss; an end of the stream other than `done`; `gave-up` after `giveUpAfter`
 * without a healthy connection; `invalid` data; `unsupported` if `fetch` does not stream.
 */
export type FailureReason = LossReason | Exclude<EndStatus, "done"> | "gave-up" | "invalid" | "unsupported";

/** What is known about a failure, besides its reason. */
export interface Details {
  /** The error or the loss behind it. */
  readonly cause?: unknown;
  /** The status of the response that was refused. */
  readonly status?: number | undefined;
  /** The last `stream.error` that the server sent before the end. */
  readonly server?: PublicError | undefined;
}

/** The connection has failed for good, before the stream was complete. */
export class ConnectionError extends Error implements Details {
  /** Always `ConnectionError`: recognise the error by it, since another copy of this package has another class. */
  override readonly name = "ConnectionError";
  /** Why the connection failed; docs/errors.md explains each reason. */
  declare readonly reason: FailureReason;
  declare readonly status: number | undefined;
  declare readonly server: PublicError | undefined;

  constructor(reason: FailureReason, message: string, { cause, status, server }: Details) {
    super(message, { cause });
    Object.assign(this, { reason, status, server });
  }
}

/** Recognises the error by its name, so that one from another copy of this package counts too. */
export const isConnectionError = (error: unknown): error is ConnectionError =>
  error instanceof Error && error.name === "ConnectionError";
