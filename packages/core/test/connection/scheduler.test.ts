import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { type ScheduledTask, Scheduler } from "../../src/connection/scheduler.ts";

/** A fake clock that fails the test when a second timer is set while one is pending. */
function withOneTimer(clock: FakeClock): Clock {
  return {
    ...clock,
    after(ms, fn) {
      expect(clock.timers).toBe(0);
      return clock.after(ms, fn);
    },
  };
}

const task = (run: ScheduledTask["run"]): ScheduledTask => ({ due: Infinity, heapIndex: -1, run });

interface Change {
  /** Which task is changed. */
  readonly which: number;
  /** The time in ms until it is due; `undefined` removes it. */
  readonly delay: number | undefined;
}

interface Script {
  /** Changes from outside, one after the other. */
  readonly changes: readonly Change[];
  /** Changes by running tasks, one for each run. */
  readonly inside: readonly (Change | undefined)[];
  /** The times in ms after which a task that has run is due again, one for each run. */
  readonly again: readonly number[];
}

const anyChange = (most: number): fc.Arbitrary<Change> =>
  fc.record({
    which: fc.nat({ max: 9 }),
    delay: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: most }) }, fc.constantFrom(undefined, Infinity)),
  });

const anyScript: fc.Arbitrary<Script> = fc.record({
  changes: fc.array(anyChange(50), { maxLength: 30, size: "max" }),
  inside: fc.array(fc.option(anyChange(50), { nil: undefined, freq: 2 }), { maxLength: 30, size: "max" }),
  again: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
});

test("each task runs once whenever it is due, whatever tasks change; there is one timer, and none without tasks", async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, fc.array(fc.nat({ max: 20 }), { maxLength: 10 }), async (script, waits) => {
      const clock = createFakeClock();
      const scheduler = new Scheduler(withOneTimer(clock));
      /** When each task is due, if it is scheduled. */
      const due = new Map<ScheduledTask, number>();
      const inside = [...script.inside];
      let runs = 0;

      const tasks = Array.from({ length: 10 }, () => {
        const self = task((now) => {
          expect(now).toBe(clock.now());
          expect(due.get(self)).toBe(now);
          const next = now + (script.again[runs++ % script.again.length] as number);
          due.set(self, next);
          const change = inside.shift();
          if (change !== undefined) apply(change, self);
          return next;
        });
        return self;
      });

      function apply({ which, delay }: Change, running?: ScheduledTask): void {
        const changed = tasks[which] as ScheduledTask;
        if (delay === undefined) {
          due.delete(changed);
          scheduler.delete(changed);
          scheduler.delete(changed);
        } else {
          // For the running task, what it returns overrides the change.
          if (changed !== running) due.set(changed, clock.now() + delay);
          scheduler.set(changed, clock.now() + delay);
        }
      }

      const check = (): void => {
        const next = Math.min(Infinity, ...due.values());
        expect(next).toBeGreaterThanOrEqual(clock.now());
        expect(clock.timers).toBeLessThanOrEqual(1);
        if (next === Infinity) expect(clock.timers).toBe(0);
        for (const one of tasks) expect(one.heapIndex !== -1).toBe(due.has(one));
      };

      for (const change of script.changes) {
        apply(change);
        check();
        await clock.advance(waits.shift() ?? 0);
        for (const at of due.values()) expect(at).toBeGreaterThan(clock.now());
        check();
      }
      await clock.advance(100);
      for (const at of due.values()) expect(at).toBeGreaterThan(clock.now());
      for (const one of tasks) scheduler.delete(one);
      expect(clock.timers).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test("a task that is postponed before its timer fires does not run early", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  const runs: number[] = [];
  const one = task((now) => {
    runs.push(now);
    return now + 1_000;
  });
  scheduler.set(one, 10);
  scheduler.set(one, 20);
  await clock.advance(19);
  expect(runs).toEqual([]);
  await clock.advance(1_001);
  expect(runs).toEqual([20, 1_020]);
});

const INTERVAL = 15_000;

test.each<[string, (now: number, remove: () => void) => number]>([
  ["that stay", (now) => now + INTERVAL],
  [
    "that are removed when they run",
    (now, remove) => {
      remove();
      return now + INTERVAL;
    },
  ],
])(
  "10,000 tasks that are due at once, %s, are spread over many turns, and all run within half the interval",
  async (_, run) => {
    const clock = createFakeClock();
    const scheduler = new Scheduler(withOneTimer(clock));
    const ranAt = new Map<ScheduledTask, number>();
    for (let count = 0; count < 10_000; count++) {
      const one = task((now) => {
        expect(ranAt.has(one)).toBe(false);
        ranAt.set(one, now);
        return run(now, () => scheduler.delete(one));
      });
      scheduler.set(one, 1_000);
    }
    await clock.advance(1_000 + INTERVAL / 2);
    expect(ranAt.size).toBe(10_000);
    const turns = Map.groupBy(ranAt.values(), (at) => at);
    expect(turns.size).toBeGreaterThan(32);
    for (const turn of turns.values()) expect(turn.length).toBeLessThanOrEqual(10_000 / 32);
  },
);

test("a task is not delayed by many tasks that are due later", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  for (let count = 0; count < 1_000; count++)
    scheduler.set(
      task((now) => now + INTERVAL),
      2_000,
    );
  const runs: number[] = [];
  scheduler.set(
    task((now) => {
      runs.push(now);
      return now + INTERVAL;
    }),
    1_000,
  );
  await clock.advance(1_000);
  expect(runs).toEqual([1_000]);
});

test("without heartbeats many tasks that are due at once all run", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  let runs = 0;
  for (let count = 0; count < 1_000; count++) {
    scheduler.set(
      task(() => {
        runs++;
        return Infinity;
      }),
      1_000,
    );
  }
  await clock.advance(60_000);
  expect(runs).toBe(1_000);
  expect(clock.timers).toBe(0);
});

test("many tasks that are due one after the other run together: none late, and none more than a 64th of the interval early", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  const times = new Set<number>();
  let runs = 0;
  for (let count = 0; count < 5_000; count++) {
    // So that they are due at times that are spread, and no two at the same.
    let due = (count * 7_919) % INTERVAL;
    const one = task((now, early) => {
      expect(now).toBeLessThanOrEqual(due);
      expect(early).toBe(INTERVAL / 64);
      if (now + early < due) return due;
      runs++;
      times.add(now);
      due += INTERVAL;
      return due;
    });
    scheduler.set(one, due);
  }
  await clock.advance(2 * INTERVAL);
  expect(runs).toBeGreaterThanOrEqual(10_000);
  expect(times.size).toBeLessThanOrEqual(2 * 64 + 1);
});

test("few tasks run when they are due", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  const times: number[] = [];
  for (let due = 0; due < 128; due++) {
    scheduler.set(
      task((now, early) => {
        times.push(now + early);
        return Infinity;
      }),
      due,
    );
  }
  await clock.advance(INTERVAL);
  expect(times).toEqual(Array.from({ length: 128 }, (_, due) => due));
});

test("many tasks with a shorter interval than 15 s are not late", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock));
  for (let count = 0; count < 5_000; count++) {
    let due = 1_000;
    const one = task((now) => {
      expect(now).toBeLessThanOrEqual(due + 500);
      due = now + 1_000;
      return due;
    });
    scheduler.set(one, due, 1_000);
  }
  await clock.advance(5_000);
});
