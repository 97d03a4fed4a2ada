import { createFakeClock } from "@holdfast/core/testing";
import { expect, test } from "vitest";
import { sleep, withTimeout } from "../../src/store-kit/with-timeout.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** Collects how a promise settles. */
function outcomeOf(promise: Promise<unknown>): unknown[] {
  const outcome: unknown[] = [];
  promise.then(
    (value) => outcome.push(["resolved", value]),
    (reason: unknown) => outcome.push(["rejected", reason]),
  );
  return outcome;
}

test("a promise that settles in time passes through, and the timer is cleared", async () => {
  const clock = createFakeClock();
  expect(await withTimeout(clock, 100, async () => "value")).toBe("value");
  const error = new Error("mine");
  await expect(withTimeout(clock, 100, () => Promise.reject(error))).rejects.toBe(error);
  expect(clock.timers).toBe(0);
});

test("a promise that does not settle in time rejects after the timeout", async () => {
  const clock = createFakeClock();
  const outcome = outcomeOf(withTimeout(clock, 100, never));
  await clock.advance(99);
  expect(outcome).toEqual([]);
  await clock.advance(1);
  expect(outcome).toEqual([["rejected", new Error("The server did not answer within 100 ms.")]]);
});

test("an abort rejects with its reason and clears the timer, also when it came before", async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const reason = new Error("stopped");
  const outcomes = [
    outcomeOf(withTimeout(clock, 100, never, controller.signal)),
    outcomeOf(sleep(clock, 100, controller.signal)),
  ];
  controller.abort(reason);
  outcomes.push(outcomeOf(withTimeout(clock, 100, async () => "value", controller.signal)));
  outcomes.push(outcomeOf(sleep(clock, 100, controller.signal)));
  await clock.flush();
  expect(outcomes).toEqual(outcomes.map(() => [["rejected", reason]]));
  expect(clock.timers).toBe(0);
});

test("a sleep resolves after its time, or earlier when it is woken", async () => {
  const clock = createFakeClock();
  const { signal } = new AbortController();
  let wake: () => void = () => undefined;
  const outcomes = [
    outcomeOf(sleep(clock, 100, signal)),
    outcomeOf(
      sleep(clock, 100, signal, (wakeUp) => {
        wake = wakeUp;
      }),
    ),
  ];
  wake();
  await clock.flush();
  expect(outcomes).toEqual([[], [["resolved", undefined]]]);
  await clock.advance(100);
  expect(outcomes[0]).toEqual([["resolved", undefined]]);
  expect(clock.timers).toBe(0);
});
