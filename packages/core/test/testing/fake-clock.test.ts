import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

test("time passes only in `advance`", async () => {
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

test("each timer fires once at its own time, and timers of the same time in the order in which they were set", async () => {
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

test("a timer that is set by a timer fires when it is due", async () => {
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

test("promise reactions to a timer run before the next timer fires", async () => {
  const clock = createFakeClock();
  const order: string[] = [];
  clock.after(1, () => {
    order.push("first");
    clock.soon(() => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => order.push("reaction to the first"));
    });
  });
  clock.after(1, () => order.push("second"));
  await clock.advance(1);
  expect(order).toEqual(["first", "reaction to the first", "second"]);
});

test("a cancelled timer never fires, and it may be cancelled twice or late", async () => {
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

test("`soon` runs in `flush`, after all promise reactions, and so does a `soon` within it", async () => {
  const clock = createFakeClock();
  const order: string[] = [];
  clock.soon(() => {
    order.push("soon");
    clock.soon(() => order.push("soon within soon"));
    void Promise.resolve().then(() => order.push("reaction"));
  });
  void Promise.resolve().then(() => order.push("before"));
  expect(order).toEqual([]);
  await clock.flush();
  expect(order).toEqual(["before", "soon", "reaction", "soon within soon"]);
});
