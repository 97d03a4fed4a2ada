import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

test("time stands still until it is told to go on", async () => {
  const clock = createFakeClock(1_000);
  const fire = vi.fn<() => void>();
  clock.after(1, fire);
  await clock.flush();
  expect(clock.now()).toBe(1_000);
  expect(fire).not.toHaveBeenCalled();
  await clock.advance(0.5);
  expect(clock.now()).toBe(1_000.5);
  expect(fire).not.toHaveBeenCalled();
});

test("timers fire once each at their own time, those of one moment in the order they were set", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -2, max: 10 })),
      fc.array(fc.nat({ max: 4 })),
      async (delays, steps) => {
        const clock = createFakeClock();
        const fired: { at: number; index: number }[] = [];
        delays.forEach((delay, index) => clock.after(delay, () => fired.push({ at: clock.now(), index })));
        for (const ms of steps) await clock.advance(ms);
        const now = clock.now();
        const expected = delays
          .map((delay, index) => ({ at: Math.max(delay, 0), index }))
          .filter(({ at }) => at <= now && steps.length > 0)
          .sort((a, b) => a.at - b.at);
        expect(fired).toEqual(expected);
        expect(clock.timers).toBe(delays.length - expected.length);
      },
    ),
  );
});

test("a timer that is set by a timer has its turn when it is due", async () => {
  const clock = createFakeClock();
  const at: number[] = [];
  clock.after(10, () => {
    at.push(clock.now());
    clock.after(0, () => at.push(clock.now()));
    clock.after(5, () => at.push(clock.now()));
    clock.after(6, () => at.push(clock.now()));
  });
  await clock.advance(15);
  expect(at).toEqual([10, 10, 15]);
  expect(clock.timers).toBe(1);
});

test("what a timer resolves has run before the next timer fires", async () => {
  const clock = createFakeClock();
  const order: string[] = [];
  clock.after(1, () => {
    order.push("first");
    clock.soon(() => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => order.push("and its consequence"));
    });
  });
  clock.after(1, () => order.push("second"));
  await clock.advance(1);
  expect(order).toEqual(["first", "and its consequence", "second"]);
});

test("a cancelled timer never fires, and cancelling it twice or late is fine", async () => {
  const clock = createFakeClock();
  const fire = vi.fn<() => void>();
  const cancel = clock.after(1, fire);
  const cancelLate = clock.after(1, () => cancel());
  cancel();
  cancel();
  expect(clock.timers).toBe(1);
  await clock.advance(5);
  cancelLate();
  expect(fire).not.toHaveBeenCalled();
  expect(clock.timers).toBe(0);
});

test("soon runs at the next flush, behind all promises, and so does what it asks for", async () => {
  const clock = createFakeClock();
  const order: string[] = [];
  clock.soon(() => {
    order.push("soon");
    clock.soon(() => order.push("sooner or later"));
    void Promise.resolve().then(() => order.push("in between"));
  });
  void Promise.resolve().then(() => order.push("before"));
  expect(order).toEqual([]);
  await clock.flush();
  expect(order).toEqual(["before", "soon", "in between", "sooner or later"]);
});
