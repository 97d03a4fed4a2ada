import { systemClock } from "@holdfast/core";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";

/** A fake clock whose timers the test advances, and whose next tick is real, as the network is. */
export function clockWithFakeTimers(): FakeClock {
  const fake = createFakeClock();
  return {
    get timers() {
      return fake.timers;
    },
    now: () => fake.now(),
    after: (ms, fn) => fake.after(ms, fn),
    soon: (fn) => systemClock.soon(fn),
    flush: () => fake.flush(),
    advance: (ms) => fake.advance(ms),
  };
}
