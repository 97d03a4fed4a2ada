import fc from "fast-check";
import { expect, test } from "vitest";
import { Limiter } from "../../src/base/limiter.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";

interface Job {
  readonly signal: AbortSignal;
  readonly settle: () => void;
}

function queueOf(concurrency: number): {
  queue: Limiter;
  clock: FakeClock;
  run: Job[];
  add: () => () => void;
} {
  const clock = createFakeClock();
  const queue = new Limiter({ clock, concurrency, abandonAfter: 1_000 });
  const run: Job[] = [];
  const add = (): (() => void) =>
    queue.add((signal) => new Promise((resolve) => run.push({ signal, settle: resolve })));
  return { queue, clock, run, add };
}

test("jobs run in the order they came, so many at once, the first of them within the call", async () => {
  const { queue, clock } = queueOf(2);
  const order: number[] = [];
  const settle: (() => void)[] = [];
  for (let n = 1; n <= 5; n++) {
    queue.add(() => {
      order.push(n);
      return new Promise((resolve) => settle.push(resolve));
    });
  }
  expect(order).toEqual([1, 2]);
  settle[1]?.();
  await clock.flush();
  expect(order).toEqual([1, 2, 3]);
  settle[0]?.();
  settle[2]?.();
  await clock.flush();
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test("a job that is given up before its turn never runs, and makes room for nobody", async () => {
  const { clock, run, add } = queueOf(1);
  add();
  const giveUp = add();
  giveUp();
  giveUp();
  expect(run).toHaveLength(1);
  run[0]?.settle();
  await clock.flush();
  expect(run).toHaveLength(1);
});

test("a job that is given up while it runs has its signal aborted, and its place is free when it settles", async () => {
  const { clock, run, add } = queueOf(1);
  const giveUp = add();
  add();
  giveUp();
  expect([run.length, run[0]?.signal.aborted]).toEqual([1, true]);
  run[0]?.settle();
  await clock.flush();
  expect(run).toHaveLength(2);
  expect(clock.timers).toBe(0);
});

test("to give up a job that has settled does nothing", async () => {
  const { clock, run, add } = queueOf(1);
  const giveUp = add();
  run[0]?.settle();
  await clock.flush();
  giveUp();
  expect([run[0]?.signal.aborted, clock.timers]).toEqual([false, 0]);
});

test("jobs that were given up and never settle block the others for a while, not for ever", async () => {
  const { clock, run, add } = queueOf(2);
  const giveUps = [add(), add()];
  for (const giveUp of giveUps) giveUp();
  // Nobody waits: nothing is pending.
  expect(clock.timers).toBe(0);
  add();
  await clock.advance(999);
  expect(run).toHaveLength(2);
  await clock.advance(1);
  expect(run).toHaveLength(3);
  expect(clock.timers).toBe(0);
  // Their late end frees no place a second time.
  run[0]?.settle();
  run[1]?.settle();
  add();
  add();
  await clock.flush();
  expect(run).toHaveLength(4);
});

test("a timer for those who do not settle goes with those who wait", async () => {
  const { clock, add } = queueOf(1);
  const [first, second] = [add(), add()];
  first();
  expect(clock.timers).toBe(1);
  second();
  expect(clock.timers).toBe(0);
});

test("whatever happens, no more run at once than may, and each that is not given up runs", async () => {
  const steps = fc.array(fc.record({ do: fc.constantFrom("add", "giveUp", "settle"), which: fc.nat(20) }), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { queue, clock } = queueOf(3);
      const jobs: {
        started: boolean;
        gaveUp: boolean;
        over: boolean;
        settle: () => void;
        leave: () => void;
      }[] = [];
      for (const step of history) {
        const job = jobs[step.which % Math.max(1, jobs.length)];
        if (step.do === "add") {
          const added = { started: false, gaveUp: false, over: false, settle: () => {}, leave: () => {} };
          jobs.push(added);
          added.leave = queue.add((signal) => {
            added.started = true;
            expect(signal.aborted).toBe(false);
            expect(jobs.filter(({ started, over }) => started && !over).length).toBeLessThanOrEqual(3);
            return new Promise((resolve) => {
              added.settle = resolve;
            });
          });
        } else if (step.do === "giveUp" && job !== undefined) {
          job.gaveUp = true;
          job.leave();
        } else if (step.do === "settle" && job?.started === true) {
          job.over = true;
          job.settle();
          await clock.flush();
        }
      }
      for (let job = jobs.find(({ started, over }) => started && !over); job !== undefined;) {
        job.over = true;
        job.settle();
        await clock.flush();
        job = jobs.find(({ started, over }) => started && !over);
      }
      for (const { started, gaveUp } of jobs) expect(started || gaveUp).toBe(true);
      expect(clock.timers).toBe(0);
    }),
  );
});
