import { type Clock, systemClock } from "../base/clock.ts";

/** A clock for tests, whose time passes only in {@link FakeClock.advance}. */
export interface FakeClock extends Clock {
  /** How many timers are pending. */
  readonly timers: number;
  /**
   * Runs the callbacks of `soon`, those that they schedule in turn, and all promise reactions, without letting time
   * pass.
   */
  flush(): Promise<void>;
  /**
   * Lets `ms` pass. Timers fire in the order of their times, each at its own time; between two of them everything runs
   * that `flush` would run.
   */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/**
 * Creates a clock for tests. Pass it as the option `clock`.
 *
 * @param start the first value of `now()`, in ms
 *
 * @example
 * const clock = createFakeClock();
 * const jobs = createRegistry({ clock });
 * await clock.advance(15_000); // heartbeats are written
 */
export function createFakeClock(start = 0): FakeClock {
  let now = start;
  let soon: (() => void)[] = [];
  const timers = new Set<Timer>();

  /** Resolves in a real macrotask, after all microtasks. */
  const nextMacrotask = (): Promise<void> => new Promise((resolve) => systemClock.soon(resolve));

  async function flush(): Promise<void> {
    await nextMacrotask();
    while (soon.length > 0) {
      const due = soon;
      soon = [];
      for (const fn of due) fn();
      await nextMacrotask();
    }
  }

  /** The timer that is due first, and not after `time`; of several at the same time the one that was set first. */
  function nextDue(time: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.at <= time && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }

  return {
    get timers() {
      return timers.size;
    },
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + Math.max(ms, 0), fn };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    soon(fn) {
      soon.push(fn);
    },
    flush,
    async advance(ms) {
      const end = now + ms;
      await flush();
      for (let timer = nextDue(end); timer !== undefined; timer = nextDue(end)) {
        now = timer.at;
        timers.delete(timer);
        timer.fn();
        await flush();
      }
      now = Math.max(now, end);
    },
  };
}
