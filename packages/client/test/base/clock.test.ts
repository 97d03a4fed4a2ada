import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { wallClock } from "../../src/base/clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  // In this order: a spy that is restored later brings back the timer that it replaced, which is a fake one.
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("it has wall-clock time", () => {
  vi.setSystemTime(1_234);
  expect(wallClock(true).now()).toBe(1_234);
});

test("a timer fires once, after its delay, unless it is cancelled", () => {
  const fired: string[] = [];
  const clock = wallClock(true);
  clock.after(100, () => fired.push("first"));
  const cancel = clock.after(200, () => fired.push("second"));
  vi.advanceTimersByTime(99);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(["first"]);
  cancel();
  cancel();
  vi.advanceTimersByTime(1_000);
  expect(fired).toEqual(["first"]);
});

test.each([2 ** 31, Infinity])("a delay of %d ms, too long for the runtime, does not fire at once", (ms) => {
  let fired = 0;
  wallClock(true).after(ms, () => fired++);
  vi.advanceTimersByTime(86_400_000);
  expect(fired).toBe(0);
});

test.each([true, false])("keepsAlive: %j", (keepsAlive) => {
  const setTimeout = vi.spyOn(globalThis, "setTimeout");
  wallClock(keepsAlive).after(1_000, () => undefined);
  expect(setTimeout.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([
    keepsAlive,
  ]);
});
