/** What can fail apart from the rest: a full Redis serves reads, and refuses writes. */
type HealthKind = "read" | "write" | "connection";

/**
 * Whether a store is available: whether the last call of each kind has succeeded, and the connection stands. It is not for
 * calls that fail because of their id.
 */
export interface Health {
  /** A call of this kind has succeeded, or the connection is back (`true`); or one of them has failed. */
  report(kind: HealthKind, healthy: boolean): void;
  /** Calls the listener with each change. Returns how to remove it. */
  addListener(onChange: (healthy: boolean) => void): () => void;
}

/**
 * Creates the {@link Health} of a store, whose `addListener` is the store's `health`.
 *
 * @param watchConnection reports the state of a connection, and returns how to stop that: called for the first listener, and
 * stopped with the last one
 */
export function createHealth(
  watchConnection: (listener: (connected: boolean) => void) => () => void = () => () => undefined,
): Health {
  const listeners = new Set<{ readonly onChange: (healthy: boolean) => void }>();
  const failing = new Set<HealthKind>();
  let stopWatching: (() => void) | undefined;

  function report(kind: HealthKind, healthy: boolean): void {
    const before = failing.size;
    if (healthy) failing.delete(kind);
    else failing.add(kind);
    // A connection that is watched no more, or was not seen to come back, does come back with a reply.
    if (healthy) failing.delete("connection");
    if ((before === 0) === (failing.size === 0)) return;
    for (const { onChange } of listeners) onChange(failing.size === 0);
  }

  return {
    report,
    addListener(onChange) {
      const listener = { onChange };
      listeners.add(listener);
      stopWatching ??= watchConnection((connected) => report("connection", connected));
      // A new listener assumes that the store is healthy.
      if (failing.size > 0) {
        queueMicrotask(() => {
          if (failing.size > 0 && listeners.has(listener)) onChange(false);
        });
      }
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        stopWatching?.();
        stopWatching = undefined;
      };
    },
  };
}
