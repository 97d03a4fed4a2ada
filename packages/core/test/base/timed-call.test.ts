import { expect, test, vi } from "vitest";
import { callWithTimeout, startAsync } from "../../src/base/timed-call.ts";
import { createFakeClock } from "../../src/testing/index.ts";

const never = (): Promise<never> => new Promise(() => undefined);

test("a call settles as its function does, and leaves no timer", async () => {
  const clock = createFakeClock();
  const failure = new Error("no");
  expect(await callWithTimeout(clock, 100, async () => "value").result).toBe("value");
  await expect(callWithTimeout(clock, 100, () => Promise.reject(failure)).result).rejects.toBe(failure);
  expect(clock.timers).toBe(0);
});

test("a synchronous throw is a rejection", async () => {
  const clock = createFakeClock();
  const failure = new Error("no");
  const fail = (): never => {
    throw failure;
  };
  await expect(callWithTimeout(clock, 100, fail).result).rejects.toBe(failure);
  await expect(startAsync(fail)).rejects.toBe(failure);
  expect(clock.timers).toBe(0);
});

test("after the time-out the result rejects, and a late value goes to `onLate`", async () => {
  const clock = createFakeClock();
  const onLate = vi.fn<(value: string) => void>();
  const { promise, resolve } = Promise.withResolvers<string>();
  const { result } = callWithTimeout(clock, 100, () => promise, onLate);
  const settled = result.catch((error: unknown) => error);
  await clock.advance(100);
  expect(await settled).toBeInstanceOf(Error);
  expect(onLate).not.toHaveBeenCalled();
  resolve("late");
  await clock.flush();
  expect(onLate.mock.calls).toEqual([["late"]]);
});

test("a cancelled call rejects with the reason, once, and without effect after the result", async () => {
  const clock = createFakeClock();
  const reason = new Error("closed");
  const pending = callWithTimeout(clock, 100, never);
  pending.cancel(reason);
  pending.cancel(new Error("again"));
  await expect(pending.result).rejects.toBe(reason);
  const done = callWithTimeout(clock, 100, async () => "value");
  expect(await done.result).toBe("value");
  done.cancel(reason);
  expect(await done.result).toBe("value");
  expect(clock.timers).toBe(0);
});
