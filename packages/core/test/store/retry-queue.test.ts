import { expect, test } from "vitest";
import { RetryQueue } from "../../src/store/retry-queue.ts";
import { createFakeClock } from "../../src/testing/index.ts";

function setUp(waiting: number, onRetry: (name: number) => void = () => undefined) {
  const clock = createFakeClock();
  const queue = new RetryQueue({ clock, random: () => 0.999 });
  const tried: number[] = [];
  const leave = Array.from({ length: waiting }, (_, name) =>
    queue.add(() => {
      tried.push(name);
      onRetry(name);
    }),
  );
  return { clock, queue, tried, leave };
}

test("one after another tries, in the order in which they came, at most one a second in the long run", async () => {
  const { clock, tried } = setUp(300);
  await clock.advance(100);
  expect(tried).toEqual([0]);
  await clock.advance(60_000);
  expect(tried).toEqual(Array.from({ length: tried.length }, (_, name) => name));
  expect(tried.length).toBeLessThan(66);
});

test("each that succeeds lets two more try, so that all are back at once", async () => {
  const { clock, queue, tried } = setUp(300, () => clock.soon(() => queue.release()));
  await clock.advance(100);
  expect(tried).toHaveLength(300);
});

test("who leaves does not try, and an empty queue has no timer", async () => {
  const { clock, tried, leave } = setUp(2);
  leave[0]?.();
  leave[0]?.();
  await clock.advance(100);
  expect(tried).toEqual([1]);
  leave[1]?.();
  expect(clock.timers).toBe(0);
});

test("one that fails again and again does not try more often because it is alone", async () => {
  const clock = createFakeClock();
  const queue = new RetryQueue({ clock, random: () => 0.999 });
  let tries = 0;
  const retry = (): void => {
    tries++;
    queue.add(retry);
  };
  queue.add(retry);
  await clock.advance(60_000);
  expect(tries).toBeLessThan(66);
});
