import fc from "fast-check";
import { expect, test } from "vitest";
import { type LimitedTask, Limiter } from "../../src/base/limiter.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";

interface RunningTask {
  readonly signal: AbortSignal;
  readonly settle: () => void;
}

function createLimiter(concurrency: number): {
  limiter: Limiter;
  clock: FakeClock;
  /** The tasks that have started, in order. */
  started: RunningTask[];
  add: () => () => void;
} {
  const clock = createFakeClock();
  const limiter = new Limiter({ clock, concurrency, abandonAfter: 1_000 });
  const started: RunningTask[] = [];
  const add = (): (() => void) => {
    const task = limiter.add((signal) => new Promise((resolve) => started.push({ signal, settle: resolve })));
    return () => task.cancel();
  };
  return { limiter, clock, started, add };
}

test("one task of each group runs in turn", async () => {
  const { limiter, clock } = createLimiter(1);
  const order: string[] = [];
  const add = (group: string | undefined, ...names: string[]): LimitedTask[] =>
    names.map((name) => limiter.add(async () => void order.push(name), [group]));
  limiter.add(() => clock.flush().then(() => undefined));
  const [, second] = add("a", "a1", "a2", "a3", "a4");
  add("b", "b1");
  add(undefined, "1", "2");
  second?.cancel();
  await clock.flush();
  await clock.flush();
  expect(order).toEqual(["a1", "b1", "1", "a3", "2", "a4"]);
});

test("a task of several groups runs once, with the first of them that has its turn", async () => {
  const { limiter, clock } = createLimiter(1);
  const order: string[] = [];
  const add = (name: string, ...groups: string[]): LimitedTask =>
    limiter.add(async () => void order.push(name), groups);
  limiter.add(() => clock.flush().then(() => undefined));
  for (const name of ["a1", "a2", "a3"]) add(name, "a");
  const shared = add("shared", "a");
  const both = add("both", "a", "b");
  const cancelled = add("cancelled", "a", "c");
  shared.addGroup("b");
  shared.addGroup("b");
  cancelled.cancel();
  cancelled.addGroup("b");
  both.addGroup("c");
  await clock.flush();
  await clock.flush();
  expect(order).toEqual(["a1", "both", "a2", "shared", "a3"]);
  shared.addGroup("a");
  expect(clock.timers).toBe(0);
});

test("tasks run in the order in which they were added, a limited number at a time, and start within `add`", async () => {
  const { limiter, clock } = createLimiter(2);
  const order: number[] = [];
  const settle: (() => void)[] = [];
  for (let n = 1; n <= 5; n++) {
    limiter.add(() => {
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

test("a task that is cancelled while it waits never runs, and lets no other start early", async () => {
  const { clock, started, add } = createLimiter(1);
  add();
  const cancel = add();
  cancel();
  cancel();
  expect(started).toHaveLength(1);
  started[0]?.settle();
  await clock.flush();
  expect(started).toHaveLength(1);
});

test("cancelling a running task aborts its signal; the next one starts when it has settled", async () => {
  const { clock, started, add } = createLimiter(1);
  const cancel = add();
  add();
  cancel();
  expect([started.length, started[0]?.signal.aborted]).toEqual([1, true]);
  started[0]?.settle();
  await clock.flush();
  expect(started).toHaveLength(2);
  expect(clock.timers).toBe(0);
});

test("cancelling a task that has settled has no effect", async () => {
  const { clock, started, add } = createLimiter(1);
  const cancel = add();
  started[0]?.settle();
  await clock.flush();
  cancel();
  expect([started[0]?.signal.aborted, clock.timers]).toEqual([false, 0]);
});

test("cancelled tasks that never settle block the others only for a while", async () => {
  const { clock, started, add } = createLimiter(2);
  const cancels = [add(), add()];
  for (const cancel of cancels) cancel();
  // No task waits, so there is no timer.
  expect(clock.timers).toBe(0);
  add();
  await clock.advance(999);
  expect(started).toHaveLength(2);
  await clock.advance(1);
  expect(started).toHaveLength(3);
  expect(clock.timers).toBe(0);
  // When they settle late, they do not count a second time.
  started[0]?.settle();
  started[1]?.settle();
  add();
  add();
  await clock.flush();
  expect(started).toHaveLength(4);
});

test("the timer is cancelled when the last waiting task is cancelled", async () => {
  const { clock, add } = createLimiter(1);
  const [first, second] = [add(), add()];
  first();
  expect(clock.timers).toBe(1);
  second();
  expect(clock.timers).toBe(0);
});

test("in any sequence of calls no more tasks run than allowed, and every one that is not cancelled runs", async () => {
  const steps = fc.array(fc.record({ do: fc.constantFrom("add", "cancel", "settle"), which: fc.nat(20) }), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { limiter, clock } = createLimiter(3);
      const tasks: {
        started: boolean;
        cancelled: boolean;
        over: boolean;
        settle: () => void;
        cancel: () => void;
      }[] = [];
      for (const step of history) {
        const task = tasks[step.which % Math.max(1, tasks.length)];
        if (step.do === "add") {
          const added = { started: false, cancelled: false, over: false, settle: () => {}, cancel: () => {} };
          tasks.push(added);
          const limited = limiter.add((signal) => {
            added.started = true;
            expect(signal.aborted).toBe(false);
            expect(tasks.filter(({ started, over }) => started && !over).length).toBeLessThanOrEqual(3);
            return new Promise((resolve) => {
              added.settle = resolve;
            });
          });
          added.cancel = () => limited.cancel();
        } else if (step.do === "cancel" && task !== undefined) {
          task.cancelled = true;
          task.cancel();
        } else if (step.do === "settle" && task?.started === true) {
          task.over = true;
          task.settle();
          await clock.flush();
        }
      }
      for (let task = tasks.find(({ started, over }) => started && !over); task !== undefined;) {
        task.over = true;
        task.settle();
        await clock.flush();
        task = tasks.find(({ started, over }) => started && !over);
      }
      for (const { started, cancelled } of tasks) expect(started || cancelled).toBe(true);
      expect(clock.timers).toBe(0);
    }),
  );
});
