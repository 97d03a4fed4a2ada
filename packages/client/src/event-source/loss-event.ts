import type { ConnectionState } from "../connection/state.ts";
import { type Details, isConnectionError } from "../retry/connection-error.ts";

/**
 * The `error` event of a `ResilientEventSource`: why there is no connection. `readyState` says whether another attempt
 * follows. An event named `error` that the server sent is a `MessageEvent` instead.
 */
export class LossEvent extends Event {
  /** The reason in one word: that of the state, or of its error. */
  readonly reason: string;
  /** A sentence for people about what went wrong; empty if nothing did. */
  readonly message: string;
  /** The status of a response that was refused. */
  readonly status: number | undefined;
  /** The error behind the loss or the failure. */
  readonly cause: unknown;
  /** The failure, if no other attempt follows. */
  readonly error: unknown;

  constructor(state: Extract<ConnectionState, { status: "retrying" | "closed" }>) {
    super("error");
    const { error, loss, message, reason } = { error: undefined, loss: undefined, message: "", ...state };
    const details: Details = isConnectionError(error) ? error : (loss ?? {});
    this.reason = isConnectionError(error) ? error.reason : reason;
    this.message = error instanceof Error ? error.message : message;
    this.status = details.status;
    this.cause = details.cause;
    this.error = error;
  }
}
