import type { ConnectionState, StateListener } from "./state.ts";

/** A stream that is kept connected, as an async iterator of its events. A loop that is left closes it. */
export interface Connection<T> extends AsyncIterableIterator<T, undefined, void>, Disposable {
  /** What the connection is doing. The same object until something changes. */
  readonly state: ConnectionState;
  /** The cursor: the id of the last event that was taken from the iterator. Another connection can start after it. */
  readonly lastEventId: string;
  /**
   * Calls `listener` at each change of `state`. Returns a function that removes it. Needs no `this`, so it can be
   * passed to `useSyncExternalStore`.
   */
  readonly subscribe: (listener: StateListener) => () => void;
  /**
   * Connects again at once, with the same cursor. After a failure, the connection can then be iterated over again. Does
   * nothing when the stream is complete, or the connection closed.
   */
  readonly reconnect: () => void;
  /**
   * Closes the connection for good. Pending and later calls of `next` return `done`, and no callback is called any
   * more.
   */
  readonly close: () => void;
  /**
   * The next event. Events are pulled: after the first one, the client reads on only when it is called.
   *
   * @throws `ConnectionError`, once, if the connection failed before the stream was complete; the reason of the option
   * `signal`, once, if that has aborted
   */
  readonly next: () => Promise<IteratorResult<T, undefined>>;
  /** Closes the connection. A loop that is left calls it. */
  readonly return: () => Promise<IteratorResult<T, undefined>>;
}
