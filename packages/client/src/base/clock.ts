import type { Clock } from "@holdfast/core";

/** The part of core's `Clock` that the client uses. */
export type Timers = Pick<Clock, "now" | "after">;

/** The longest delay of `setTimeout`, in ms: with a longer one, runtimes fire at once. */
const MAX_TIMER_DELAY = 2 ** 31 - 1;

/**
 * The runtime's timers with wall-clock time. A monotonic clock may stop while the machine sleeps, so that the client
 * could not notice the sleep.
 *
 * @param keepsAlive whether a pending timer keeps a Node process alive
 */
export const wallClock = (keepsAlive: boolean): Timers => ({
  now: () => Date.now(),
  after(ms, callback) {
    const timer: unknown = setTimeout(callback, Math.min(ms, MAX_TIMER_DELAY));
    if (!keepsAlive) (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer as number);
  },
});
