/** Whether the store is there, for those who listen. */
export interface Health {
  /** Something has succeeded, or failed. */
  note(healthy: boolean): void;
  /** Returns how to stop listening. */
  listen(onChange: (healthy: boolean) => void): () => void;
}

/** @param watch tells of the connection; it is only watched while somebody listens */
export function createHealth(watch: (listener: (up: boolean) => void) => () => void): Health {
  const listeners = new Set<{ readonly onChange: (healthy: boolean) => void }>();
  let healthy = true;
  let unwatch: (() => void) | undefined;

  function note(now: boolean): void {
    if (now === healthy) return;
    healthy = now;
    for (const { onChange } of listeners) onChange(healthy);
  }

  return {
    note,
    listen(onChange) {
      const listener = { onChange };
      listeners.add(listener);
      unwatch ??= watch(note);
      // Whoever listens takes it for healthy.
      if (!healthy) {
        queueMicrotask(() => {
          if (!healthy && listeners.has(listener)) onChange(false);
        });
      }
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        unwatch?.();
        unwatch = undefined;
      };
    },
  };
}
