import { expect, test } from "vitest";
import { TimerScope } from "../../src/base/timer-scope.ts";
import { createFakeClock } from "../../src/testing/index.ts";

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
  expect(clock.timers).toBe(0);
  await clock.advance(10);
  expect(fired).toEqual(["one"]);
});
