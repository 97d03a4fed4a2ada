import { ConnectionError } from "./connection-error.ts";
import type { ConnectionState } from "./state.ts";

/**
 * The `error` event of a `ResilientEventSource`: why there is no connection. Whether another attempt is made is told by
 * `readyState`. An event named `error` that the server sent is a `MessageEvent`.
 */
export class LossEvent extends Event {
  /** Why, in a word: that of the state, or of its error. */
  readonly reason: string;
  /** Why, in words; empty if nothing is wrong. */
  readonly message: string;
  /** What it failed with, if there will be no other attempt. */
  readonly error: unknown;

  constructor(state: Extract<ConnectionState, { status: "retrying" | "closed" }>) {
    super("error");
    const { error, message, reason } = { error: undefined, message: "", ...state };
    this.reason = error instanceof ConnectionError ? error.reason : reason;
    this.message = error instanceof Error ? error.message : message;
    this.error = error;
  }
}
