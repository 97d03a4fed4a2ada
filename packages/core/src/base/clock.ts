/** Where core takes the time from. Tests pass a fake clock; no other code in core reads the time or sets a timer. */
export interface Clock {
  /** Milliseconds since a fixed moment; never decreases. */
  now(): number;
  /** Calls `fn` once after `ms`, unless the returned function is called before. MUST NOT keep the process alive. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` in the next macrotask: after everything that is already running or resolved. */
  soon(fn: () => void): void;
  /**
   * Calls `fn` after everything that is already running or resolved but, where the runtime can do that, before the next
   * macrotask, so that many timers that are due at once do not delay it. Core uses `soon` where a clock has no `next`.
   */
  next?(fn: () => void): void;
}

/** The longest delay of a timer; with a longer one runtimes fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

const { setImmediate, process } = globalThis as {
  setImmediate?: (fn: () => void) => void;
  process?: { nextTick?: (fn: () => void) => void };
};
const nextTick = process?.nextTick;
const resolved = Promise.resolve();

/** The runtime's own clock: monotonic, and its timers do not keep a Node process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer: unknown = setTimeout(fn, Math.min(Math.max(ms, 0), LONGEST_DELAY));
    (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer as number);
  },
  // Wrapped, because workerd throws when one of its own functions is called as a method of another object.
  soon: setImmediate === undefined ? (fn) => void setTimeout(fn, 0) : (fn) => setImmediate(fn),
  // A tick that is requested in a microtask runs after all other microtasks.
  ...(nextTick !== undefined && { next: (fn) => void resolved.then(() => nextTick(fn)) }),
};

/** Milliseconds since 1970, to be shown. It may jump: durations come from a clock. */
export function wallTime(): number {
  return Date.now();
}
