import { expect, test, vi } from "vitest";
import { TimerScope } from "../../src/base/timer-scope.ts";
import { createFakeClock } from "../../src/testing/index.ts";

test("a scope has the time and the timers of its clock", async () => {
  const clock = createFakeClock(5);
  const scope = new TimerScope(clock);
  const fire = vi.fn<(now: number) => void>();
  scope.after(10, () => fire(scope.now()));
  await clock.advance(100);
  expect(fire.mock.calls).toEqual([[15]]);
});

test("`soon` runs in the next turn", async () => {
  const clock = createFakeClock();
  const run = vi.fn<() => void>();
  new TimerScope(clock).soon(run);
  expect(run).not.toHaveBeenCalled();
  await clock.flush();
  expect(run).toHaveBeenCalledOnce();
});

test("what was cancelled never runs, and may be cancelled twice or late", async () => {
  const clock = createFakeClock();
  const scope = new TimerScope(clock);
  const run = vi.fn<() => void>();
  const cancels = [scope.after(10, run), scope.soon(run)];
  for (const cancel of [...cancels, ...cancels]) cancel();
  expect(clock.timers).toBe(0);
  await clock.advance(100);
  for (const cancel of cancels) cancel();
  expect(run).not.toHaveBeenCalled();
});

test("a scope that is stopped cancels its timers and starts no new ones", async () => {
  const clock = createFakeClock();
  const scope = new TimerScope(clock);
  const fired: string[] = [];
  scope.after(1, () => fired.push("one"));
  scope.after(5, () => fired.push("two"));
  scope.after(5, () => fired.push("three"))();
  await clock.advance(1);
  scope.soon(() => fired.push("soon"));
  scope.stop();
  scope.after(1, () => fired.push("four"));
  scope.soon(() => fired.push("too late"));
  expect(clock.timers).toBe(0);
  await clock.advance(10);
  expect(fired).toEqual(["one"]);
});

test("a timer may stop the scope while it fires", async () => {
  const clock = createFakeClock();
  const scope = new TimerScope(clock);
  const late = vi.fn<() => void>();
  scope.after(10, () => scope.stop());
  scope.after(10, late);
  await clock.advance(100);
  expect(late).not.toHaveBeenCalled();
});
