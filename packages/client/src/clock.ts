import type { Clock } from "@holdfast/core";

/** Of a clock, what the client needs. */
export type Timers = Pick<Clock, "now" | "after">;

/** The longest delay a timer takes; beyond it runtimes fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * The runtime's timers with the time of the wall: a monotonic clock may stand still while the machine sleeps, and then
 * nobody would know that it slept.
 *
 * @param holds whether its timers keep a Node process alive
 */
export const wallClock = (holds: boolean): Timers => ({
  now: () => Date.now(),
  after(ms, fn) {
    const timer: unknown = setTimeout(fn, Math.min(ms, LONGEST_DELAY));
    if (!holds) (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer as number);
  },
});
