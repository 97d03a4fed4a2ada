/** Whether the store is available. */
export interface Health {
  /** A call has succeeded, or the connection is back (`true`); or one of them has failed. */
  report(healthy: boolean): void;
  /** Calls the listener with each change. Returns how to remove it. */
  addListener(onChange: (healthy: boolean) => void): () => void;
}

/** @param watchConnection reports the state of the connection; used only while there are listeners */
export function createHealth(
  watchConnection: (listener: (connected: boolean) => void) => () => void,
): Health {
  const listeners = new Set<{ readonly onChange: (healthy: boolean) => void }>();
  let healthy = true;
  let stopWatching: (() => void) | undefined;

  function report(now: boolean): void {
    if (now === healthy) return;
    healthy = now;
    for (const { onChange } of listeners) onChange(healthy);
  }

  return {
    report,
    addListener(onChange) {
      const listener = { onChange };
      listeners.add(listener);
      stopWatching ??= watchConnection(report);
      // A new listener assumes that the store is healthy.
      if (!healthy) {
        queueMicrotask(() => {
          if (!healthy && listeners.has(listener)) onChange(false);
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
