import type { Timers } from "@holdfast/client";

/**
 * Timers for a client in which a delay of up to a second takes a millisecond, so that a test can reconnect often. Runs in
 * the test, or as a string in a page: it MUST NOT refer to anything outside.
 */
export const shortDelays = (): Timers => ({
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms > 1_000 ? Math.min(ms, 2 ** 31 - 1) : 1);
    return () => clearTimeout(timer);
  },
});
