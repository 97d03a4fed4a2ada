import type { Timers } from "../base/clock.ts";

/** A timer that fires later than this, in ms, was not delayed by a busy machine: the machine slept. */
const SLEEP_THRESHOLD = 10_000;

/** A watchdog timer: it fires when the server has been silent for too long. */
export interface Watchdog {
  /** Starts the timer, or starts it again. */
  start(ms: number): void;
  readonly stop: () => void;
  /**
   * Fires now if two thirds of the time have passed. For a page that was away: its connection is probably dead then.
   */
  check(): void;
}

/** @param onTimeout `isSuspended` says that the machine slept, or that the page may have been away */
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
