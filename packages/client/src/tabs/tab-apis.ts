/** A `BroadcastChannel`, as far as tabs use it. */
export interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}

/** What tabs share, so that tests can give their own. */
export interface TabApis {
  readonly request: (
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => Promise<void>,
  ) => Promise<unknown>;
  readonly openChannel: (name: string) => Channel;
  /** A text that says nothing about this one, and that no other one leads to. */
  readonly hash: (text: string) => Promise<string>;
  readonly isVisible: () => boolean;
  /** A timer for a few ms that is on time in a hidden tab, too. Returns how to cancel it. */
  readonly soon: (ms: number, callback: () => void) => () => void;
  /** Calls `suspend` before the page may be put into a cache or frozen, and `resume` after. Returns how to stop that. */
  readonly onLifecycle: (suspend: () => void, resume: () => void) => () => void;
}

/**
 * Waits for a lock, and holds it until `signal` aborts.
 *
 * @param onGranted called when the lock is held
 * @returns a promise that rejects when the lock is stolen, or cannot be had
 */
export function holdLock(
  apis: Pick<TabApis, "request">,
  name: string,
  signal: AbortSignal,
  onGranted: () => void,
  isSteal = false,
): Promise<unknown> {
  // The standard refuses a signal beside `steal`.
  return apis.request(name, isSteal ? { steal: true } : { signal }, () => {
    if (signal.aborted) return Promise.resolve();
    const released = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    onGranted();
    return released;
  });
}
