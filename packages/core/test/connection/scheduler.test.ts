import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { type ScheduledTask, Scheduler } from "../../src/connection/scheduler.ts";

/** A fake clock that does not allow a second timer while one is pending. */
function withOneTimer(clock: FakeClock): Clock {
  return {
    ...clock,
    after(ms, fn) {
      expect(clock.timers).toBe(0);
      return clock.after(ms, fn);
    },
  };
}

const tick = (run: (now: number) => number): ScheduledTask => ({ due: Infinity, heapIndex: -1, run });

interface Change {
  readonly which: number;
  /** In how many ms it is due; `undefined` takes it away. */
  readonly delay: number | undefined;
}

interface Script {
  /** In how many ms each is due, and how it goes on from visit to visit. */
  readonly changes: readonly Change[];
  /** What the visits do to others, one after the other. */
  readonly inside: readonly (Change | undefined)[];
  /** When a visited one is due again. */
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

test("everyone is visited when due, once, never before, whatever visits do; one timer serves all, none serves nobody", async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, fc.array(fc.nat({ max: 20 }), { maxLength: 10 }), async (script, waits) => {
      const clock = createFakeClock();
      const scheduler = new Scheduler(withOneTimer(clock), 15_000);
      /** When each is due; nothing for one that is not there. */
      const due = new Map<ScheduledTask, number>();
      const inside = [...script.inside];
      let visits = 0;

      const ticks = Array.from({ length: 10 }, () => {
        const self = tick((now) => {
          expect(now).toBe(clock.now());
          expect(due.get(self)).toBe(now);
          const next = now + (script.again[visits++ % script.again.length] as number);
          due.set(self, next);
          const change = inside.shift();
          if (change !== undefined) apply(change, self);
          return next;
        });
        return self;
      });

      function apply({ which, delay }: Change, visited?: ScheduledTask): void {
        const changed = ticks[which] as ScheduledTask;
        if (delay === undefined) {
          due.delete(changed);
          scheduler.delete(changed);
          scheduler.delete(changed);
        } else {
          // What a visit returns has the last word.
          if (changed !== visited) due.set(changed, clock.now() + delay);
          scheduler.set(changed, clock.now() + delay);
        }
      }

      const check = (): void => {
        const next = Math.min(Infinity, ...due.values());
        expect(next).toBeGreaterThanOrEqual(clock.now());
        expect(clock.timers).toBeLessThanOrEqual(1);
        if (next === Infinity) expect(clock.timers).toBe(0);
        for (const one of ticks) expect(one.heapIndex !== -1).toBe(due.has(one));
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
      for (const one of ticks) scheduler.delete(one);
      expect(clock.timers).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test("a change of mind before the timer fires costs no visit", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock), 15_000);
  const visits: number[] = [];
  const one = tick((now) => {
    visits.push(now);
    return now + 1_000;
  });
  scheduler.set(one, 10);
  scheduler.set(one, 20);
  await clock.advance(19);
  expect(visits).toEqual([]);
  await clock.advance(1_001);
  expect(visits).toEqual([20, 1_020]);
});

const INTERVAL = 15_000;

test.each<[string, (now: number, leave: () => void) => number]>([
  ["that stays", (now) => now + INTERVAL],
  [
    "that leaves when it is visited",
    (now, leave) => {
      leave();
      return now + INTERVAL;
    },
  ],
])(
  "a crowd %s, 10,000 due at once, is spread over many turns, and all have had theirs in half the interval",
  async (_, visit) => {
    const clock = createFakeClock();
    const scheduler = new Scheduler(withOneTimer(clock), INTERVAL);
    const visitedAt = new Map<ScheduledTask, number>();
    for (let count = 0; count < 10_000; count++) {
      const one = tick((now) => {
        expect(visitedAt.has(one)).toBe(false);
        visitedAt.set(one, now);
        return visit(now, () => scheduler.delete(one));
      });
      scheduler.set(one, 1_000);
    }
    await clock.advance(1_000 + INTERVAL / 2);
    expect(visitedAt.size).toBe(10_000);
    const turns = Map.groupBy(visitedAt.values(), (at) => at);
    expect(turns.size).toBeGreaterThan(32);
    for (const turn of turns.values()) expect(turn.length).toBeLessThanOrEqual(10_000 / 32);
  },
);

test("somebody who is due at once is not kept waiting by a crowd that is not", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock), INTERVAL);
  for (let count = 0; count < 1_000; count++)
    scheduler.set(
      tick((now) => now + INTERVAL),
      2_000,
    );
  const visits: number[] = [];
  scheduler.set(
    tick((now) => {
      visits.push(now);
      return now + INTERVAL;
    }),
    1_000,
  );
  await clock.advance(1_000);
  expect(visits).toEqual([1_000]);
});

test("where heartbeats are off, a crowd has its turn all the same", async () => {
  const clock = createFakeClock();
  const scheduler = new Scheduler(withOneTimer(clock), Infinity);
  let visits = 0;
  for (let count = 0; count < 1_000; count++) {
    scheduler.set(
      tick(() => {
        visits++;
        return Infinity;
      }),
      1_000,
    );
  }
  await clock.advance(60_000);
  expect(visits).toBe(1_000);
  expect(clock.timers).toBe(0);
});
