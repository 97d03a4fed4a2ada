import { type Clock, systemClock } from "../base/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** How many timers are pending. */
  readonly timers: number;
  /** Runs everything that is due now: `soon` callbacks, and what promises they and others resolve. */
  flush(): Promise<void>;
  /**
   * Lets `ms` pass: timers fire in order of their time, each at its time, and what they resolve runs before the next.
   */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

export function createFakeClock(start = 0): FakeClock {
  let now = start;
  let soon: (() => void)[] = [];
  const timers = new Set<Timer>();

  /** A real macrotask, behind which all microtasks have run. */
  const turn = (): Promise<void> => new Promise((resolve) => systemClock.soon(resolve));

  async function flush(): Promise<void> {
    await turn();
    while (soon.length > 0) {
      const due = soon;
      soon = [];
      for (const fn of due) fn();
      await turn();
    }
  }

  /** The first timer due by `time`; of those at the same time the one that was set first. */
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
