import type { Timers } from "../base/clock.ts";

/** A timer that fires later than this, in ms, was not delayed by a busy machine: the machine slept. */
const SLEEP_THRESHOLD = 10_000;

/** A watchdog timer: it fires when the server has been silent for too long. */
export interface Watchdog {
  /** Starts the timer, or starts it again. */
  start(ms: number): void;
  /**
   * Stops the timer. If its time is long over, the machine slept: what has arrived may have lain in a buffer meanwhile.
   */
  readonly stop: () => void;
  /**
   * Fires now if two thirds of the time have passed. For a page that was away: its connection is probably dead then.
   */
  check(): void;
}

/**
 * @param onTimeout called when the server has been silent for too long; `isSuspended` says that the machine slept, or
 * that the page may have been away
 */
export function createWatchdog(clock: Timers, onTimeout: (isSuspended: boolean) => void): Watchdog {
  let startedAt = 0;
  let limit = Infinity;
  let cancel: (() => void) | undefined;
  const hasSlept = (): boolean => clock.now() > startedAt + limit + SLEEP_THRESHOLD;
  return {
    start(ms) {
      cancel?.();
      startedAt = clock.now();
      limit = ms;
      cancel = clock.after(ms, () => onTimeout(hasSlept()));
    },
    stop() {
      const isSuspended = hasSlept();
      limit = Infinity;
      cancel?.();
      if (isSuspended) onTimeout(true);
    },
    check() {
      if (clock.now() - startedAt > (limit * 2) / 3) onTimeout(true);
    },
  };
}
