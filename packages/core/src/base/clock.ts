/** Where time comes from. Tests give a fake one; nothing in core reads time elsewhere. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `fn` once after `ms`, unless the returned function was called first. MUST NOT hold the process. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` in the next macrotask: after everything that is already running or resolved. */
  soon(fn: () => void): void;
  /**
   * Calls `fn` after everything that is already running or resolved, but before the next macrotask where the runtime
   * can do that: many timers that are due at once do not keep it waiting. Without it `soon` does.
   */
  next?(fn: () => void): void;
}

/** The longest delay a timer takes; beyond it runtimes fire at once. */
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
  // Not the function itself: workerd refuses one of its own that is called as a method of something else.
  soon: setImmediate === undefined ? (fn) => void setTimeout(fn, 0) : (fn) => setImmediate(fn),
  // A tick that is asked for in a microtask comes when all of them have run.
  ...(nextTick !== undefined && { next: (fn) => void resolved.then(() => nextTick(fn)) }),
};
