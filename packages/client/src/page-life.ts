interface Page extends EventTarget {
  readonly hidden?: boolean;
}

/** Calls `check`, until `signal` aborts, whenever a page may have been away, or its network: its connection may be dead. */
export function watchPageLife(check: () => void, signal: AbortSignal): void {
  const { document } = globalThis as { document?: Page };
  const back = ({ type }: Event): void => {
    if (type !== "visibilitychange" || !document?.hidden) check();
  };
  for (const type of ["online", "pageshow", "resume", "visibilitychange"]) {
    // The first two come to the window, the others to the document. Node has neither, nor events of its own.
    for (const target of [globalThis, document] as (Partial<Page> | undefined)[]) {
      target?.addEventListener?.(type, back, { signal });
    }
  }
}
