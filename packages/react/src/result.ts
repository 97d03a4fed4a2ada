import type { ConnectionState } from "@holdfast/client";

/** The state of the connection in the client's words, or `idle` without a URL. */
export type StreamState = ConnectionState | { readonly status: "idle" };

/** What `useStream` returns beside the events. The object is the same until something in it changes. */
export interface StreamControls {
  /**
   * What the connection is doing. Only `closed` with the reason `done` means that the stream is complete: `waiting` is a
   * stream that does not exist yet or is interrupted, and `retrying` a lost connection.
   */
  readonly state: StreamState;
  /** Why the stream failed for good: a `ConnectionError`, or what one of the options threw. `undefined` if it did not. */
  readonly error: unknown;
  /** The numbers of events that are missing for good, first and last of each gap. What came before them stays valid. */
  readonly lost: readonly (readonly [from: number, to: number])[];
  /** Closes the connection, for all components that share it. What has arrived stays. */
  readonly close: () => void;
  /**
   * Connects again at once, behind the last event: after a failure, after `close()`, or instead of waiting. Without an id to
   * go on from, it starts over with nothing. Does nothing when the stream is complete.
   */
  readonly reconnect: () => void;
}

/** The result of `useStream` without `reduce`. */
export interface StreamMessages<M> extends StreamControls {
  /** All messages since the stream began, or began anew. */
  readonly messages: readonly M[];
}

/** The result of `useStream` with `reduce`. */
export interface ReducedStream<Value> extends StreamControls {
  /** What `reduce` has made of `initial` and all messages since the stream began, or began anew. */
  readonly value: Value;
}

/** One of the results, where the types do not matter any more. */
export interface AnyResult extends StreamControls {
  readonly messages?: readonly unknown[];
  readonly value?: unknown;
}
