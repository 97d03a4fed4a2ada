interface Page extends EventTarget {
  readonly hidden?: boolean;
}

/**
 * Calls `callback` whenever the page comes back to the foreground or out of the cache, or its network comes back: its
 * connections may be dead. Stops when `signal` aborts.
 */
export function onPageResume(callback: () => void, signal: AbortSignal): void {
  const { document } = globalThis as { document?: Partial<Page> };
  const listener = ({ type }: Event): void => {
    if (type !== "visibilitychange" || !document?.hidden) callback();
  };
  for (const type of ["online", "pageshow", "resume", "visibilitychange"]) {
    // The first two are events of the window, the others of the document. Node has neither, and a worker no document.
    for (const target of [globalThis as Partial<Page>, document]) {
      target?.addEventListener?.(type, listener);
      // Not by the option `signal`: a DOM with its own `AbortSignal`, such as jsdom, refuses those of the runtime.
      signal.addEventListener("abort", () => target?.removeEventListener?.(type, listener));
    }
  }
}
