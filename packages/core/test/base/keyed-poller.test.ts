// What polls with it is tested in test/stream/snapshot-poller.test.ts and test/store/store-poller.test.ts.

import { expect, test, vi } from "vitest";
import { KeyedPoller, type KeyedPollerOptions } from "../../src/base/keyed-poller.ts";
import { createFakeClock } from "../../src/testing/index.ts";

interface Call {
  readonly key: string;
  readonly at: number;
  readonly onResult: (result: string) => void;
  readonly cancel: ReturnType<typeof vi.fn<() => void>>;
}

/** A poller with an interval of 100 ms, whose calls the test answers. */
function createPoller(options: Partial<KeyedPollerOptions<string, string>> = {}) {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const poller = new KeyedPoller<string, string>({
    clock,
    createState: (key) => `state of ${key}`,
    call(key, state, onResult) {
      expect(state).toBe(`state of ${key}`);
      const cancel = vi.fn<() => void>();
      calls.push({ key, at: clock.now(), onResult, cancel });
      return cancel;
    },
    interval: () => 100,
    keepFor: 0,
    ...options,
  });
  return { clock, poller, calls };
}

test("all listeners of a key share one call, and each key has its own", () => {
  const { poller, calls } = createPoller({ keepFor: 50 });
  const results: string[] = [];
  poller.join("a", (result) => results.push(`first ${result}`));
  poller.join("a", (result) => results.push(`second ${result}`));
  poller.join("b", (result) => results.push(`other ${result}`));
  expect(calls.map(({ key }) => key)).toEqual(["a", "b"]);
  calls[0]?.onResult("x");
  expect(results).toEqual(["first x", "second x"]);
});

test("the call is repeated after the interval, as long as there are listeners", async () => {
  const { clock, poller, calls } = createPoller();
  const leave = poller.join("a", () => undefined);
  await clock.advance(30);
  calls[0]?.onResult("x");
  await clock.advance(500);
  calls[1]?.onResult("y");
  leave();
  leave();
  await clock.advance(500);
  expect(calls.map(({ at }) => at)).toEqual([0, 130]);
  expect(clock.timers).toBe(0);
});

test("when the last listener leaves, the call is cancelled and the state deleted", () => {
  const deleteState = vi.fn<(state: string) => void>();
  const { clock, poller, calls } = createPoller({ deleteState });
  const leaves = [poller.join("a", () => undefined), poller.join("a", () => undefined)];
  leaves[0]?.();
  expect(calls[0]?.cancel).not.toHaveBeenCalled();
  leaves[1]?.();
  expect(calls[0]?.cancel).toHaveBeenCalledOnce();
  expect(deleteState.mock.calls).toEqual([["state of a"]]);
  expect(clock.timers).toBe(0);
});

test("a kept result serves new listeners at once, for `keepFor`, also after all others have left", async () => {
  const { clock, poller, calls } = createPoller({ keepFor: 50 });
  const leave = poller.join("a", () => undefined);
  calls[0]?.onResult("x");
  leave();
  await clock.advance(49);
  const results: string[] = [];
  poller.join("a", (result) => results.push(result))();
  expect([results, calls.length]).toEqual([["x"], 1]);
  await clock.advance(1);
  expect(clock.timers).toBe(0);
  poller.join("a", (result) => results.push(result));
  expect([results, calls.length]).toEqual([["x"], 2]);
});

test("`refresh` calls at once, or right after the result of the call in progress", async () => {
  const { clock, poller, calls } = createPoller();
  poller.refresh("a");
  expect(calls).toHaveLength(0);
  poller.join("a", () => undefined);
  poller.refresh("a");
  expect(calls).toHaveLength(1);
  calls[0]?.onResult("out of date");
  await clock.flush();
  await clock.advance(0);
  expect(calls).toHaveLength(2);
  calls[1]?.onResult("x");
  poller.refreshAll();
  expect(calls).toHaveLength(3);
});

test("listeners may leave and join while a result is published", () => {
  const { poller, calls } = createPoller();
  const results: string[] = [];
  const leaves: (() => void)[] = [];
  poller.join("a", (result) => {
    results.push(`first ${result}`);
    leaves[0]?.();
    poller.join("a", (later) => results.push(`late ${later}`));
  });
  leaves.push(poller.join("a", (result) => results.push(`second ${result}`)));
  calls[0]?.onResult("x");
  expect(results).toEqual(["first x"]);
});

test("a result within the call itself is published, and the call is not cancelled", () => {
  const cancel = vi.fn<() => void>();
  const { poller } = createPoller({
    call(_key, _state, onResult) {
      onResult("at once");
      return cancel;
    },
  });
  const results: string[] = [];
  poller.join("a", (result) => results.push(result));
  expect(results).toEqual(["at once"]);
  expect(cancel).not.toHaveBeenCalled();
});

test("`dropUnused` deletes the results and states of keys without listeners", async () => {
  const deleteState = vi.fn<(state: string) => void>();
  const { poller, calls, clock } = createPoller({ keepFor: 1_000, deleteState });
  const leave = poller.join("a", () => undefined);
  poller.join("b", () => undefined);
  for (const { onResult } of calls) onResult("kept");
  leave();
  poller.dropUnused();
  expect(deleteState.mock.calls).toEqual([["state of a"]]);
  const results: string[] = [];
  for (const key of ["a", "b"]) poller.join(key, (result) => results.push(`${key} ${result}`));
  expect(results).toEqual(["b kept"]);
  poller.dropUnused();
  // The timer of the next call for `b`.
  expect(clock.timers).toBe(1);
});

test("`clear` deletes kept results and their timers", async () => {
  const { clock, poller, calls } = createPoller({ keepFor: 50 });
  const leave = poller.join("a", () => undefined);
  calls[0]?.onResult("x");
  leave();
  expect(clock.timers).toBe(1);
  poller.clear();
  expect(clock.timers).toBe(0);
  const listener = vi.fn<(result: string) => void>();
  poller.join("a", listener);
  expect(listener).not.toHaveBeenCalled();
});

test("a result that does not last is given only to those who joined before its call", async () => {
  const { clock, poller, calls } = createPoller({ keepFor: 50, isLasting: (result) => result !== "no" });
  const results: string[] = [];
  const join = (name: string): (() => void) =>
    poller.join("a", (result) => results.push(`${name} ${result}`));
  const leave = join("first");
  join("second");
  calls[0]?.onResult("no");
  expect(results).toEqual(["first no"]);
  leave();
  await clock.advance(0);
  calls[1]?.onResult("no");
  // While somebody stays, a newcomer does not wait for the interval.
  join("third");
  expect(calls).toHaveLength(3);
  calls[2]?.onResult("yes");
  expect(results.slice(1)).toEqual(["second no", "second yes", "third yes"]);
});

test("a fresh listener gets no result of a call that began before it joined, or before what it reads changed", async () => {
  const { clock, poller, calls } = createPoller();
  const results: string[] = [];
  poller.join("a", (result) => results.push(`first ${result}`));
  poller.join("a", (result) => results.push(`fresh ${result}`), true);
  calls[0]?.onResult("old");
  await clock.advance(0);
  poller.refresh("a");
  calls[1]?.onResult("out of date");
  await clock.advance(0);
  calls[2]?.onResult("new");
  expect(results).toEqual(["first old", "first out of date", "first new", "fresh new"]);
});
