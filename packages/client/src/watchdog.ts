import type { Timers } from "./clock.ts";

/** A timer that is later than this, in ms, was held up by more than a busy machine: it slept. */
const LATE = 10_000;

/** Barks when nothing was heard for too long. */
export interface Watchdog {
  /** Listens from now on, for `ms`. */
  watch(ms: number): void;
  /** Something was heard. */
  stop(): void;
  /** There is reason to doubt that the other side is still there: barks if two thirds of the time have gone by. */
  suspect(): void;
}

/** @param bark told whether the machine slept meanwhile */
export function createWatchdog(clock: Timers, bark: (slept: boolean) => void): Watchdog {
  let since = 0;
  let limit = Infinity;
  let cancel: (() => void) | undefined;
  return {
    watch(ms) {
      cancel?.();
      since = clock.now();
      limit = ms;
      cancel = clock.after(ms, () => bark(clock.now() > since + ms + LATE));
    },
    stop() {
      limit = Infinity;
      cancel?.();
    },
    suspect() {
      if (clock.now() - since > (limit * 2) / 3) bark(true);
    },
  };
}
