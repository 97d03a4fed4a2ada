import type { Timers } from "../base/clock.ts";

/** A timer that fires later than this, in ms, was not delayed by a busy machine: the machine slept. */
const SLEEP_THRESHOLD = 10_000;

/** A watchdog timer: it fires when the server has been silent for too long. */
export interface Watchdog {
  /** Starts the timer, or starts it again. */
  start(ms: number): void;
  readonly stop: () => void;
  /**
   * Fires now if two thirds of the time have passed: for a page that returns, after which a silent connection is probably
   * dead.
   */
  check(): void;
}

/** @param onTimeout `isSuspended` is true if the silence is explained by a machine or page that was suspended */
export function createWatchdog(clock: Timers, onTimeout: (isSuspended: boolean) => void): Watchdog {
  let startedAt = 0;
  let limit = Infinity;
  let cancel: (() => void) | undefined;
  return {
    start(ms) {
      cancel?.();
      startedAt = clock.now();
      limit = ms;
      cancel = clock.after(ms, () => onTimeout(clock.now() > startedAt + ms + SLEEP_THRESHOLD));
    },
    stop() {
      limit = Infinity;
      cancel?.();
    },
    check() {
      if (clock.now() - startedAt > (limit * 2) / 3) onTimeout(true);
    },
  };
}
