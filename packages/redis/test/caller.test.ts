import { createFakeClock } from "@holdfast/core/testing";
import { expect, test } from "vitest";
import { createCaller } from "../src/caller.ts";
import { createHealth } from "../src/health.ts";
import type { Argument, RedisPort } from "../src/port.ts";

const SCRIPT = { sha: "abc", text: "return 1" };

/** A client that answers when the test says so. */
function setUp() {
  const clock = createFakeClock();
  const calls: { args: Argument[]; resolve: (answer: unknown) => void; reject: (error: unknown) => void }[] =
    [];
  const port: Pick<RedisPort, "call"> = {
    call: (command, _key, args) =>
      new Promise((resolve, reject) => calls.push({ args: [command, ...args], resolve, reject })),
  };
  const changes: boolean[] = [];
  const health = createHealth(() => () => undefined);
  health.listen((healthy) => void changes.push(healthy));
  const caller = createCaller(port as RedisPort, health, 5_000, clock);
  const outcome: unknown[] = [];
  const run = (): void => {
    caller.run(SCRIPT, ["k"], ["a"]).then(
      (answer) => outcome.push(answer),
      (error: unknown) => outcome.push(error),
    );
  };
  return { clock, calls, changes, outcome, run };
}

const unavailable = expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true });

test("an answer ends the wait", async () => {
  const { clock, calls, changes, outcome, run } = setUp();
  run();
  calls[0]?.resolve("yes");
  await clock.flush();
  expect(outcome).toEqual(["yes"]);
  expect(calls.map(({ args }) => args)).toEqual([["evalsha", "abc", "1", "k", "a"]]);
  expect(clock.timers).toBe(0);
  expect(changes).toEqual([]);
});

test("without an answer it is refused in time; one that comes later is no sign of health", async () => {
  const { clock, calls, changes, outcome, run } = setUp();
  run();
  await clock.advance(4_999);
  expect(outcome).toEqual([]);
  await clock.advance(1);
  expect(outcome).toEqual([unavailable]);
  expect(changes).toEqual([false]);
  calls[0]?.resolve("late");
  await clock.flush();
  expect(changes).toEqual([false]);

  run();
  calls[1]?.resolve("yes");
  await clock.flush();
  expect(outcome).toEqual([unavailable, "yes"]);
  expect(changes).toEqual([false, true]);
  expect(clock.timers).toBe(0);
});

test("what fails late is nobody's unhandled rejection", async () => {
  const { clock, calls, outcome, run } = setUp();
  run();
  await clock.advance(5_000);
  calls[0]?.reject(new Error("late"));
  await clock.flush();
  expect(outcome).toEqual([unavailable]);
});

test("a script that is not known is sent as a whole, in the time that is left", async () => {
  const { clock, calls, changes, outcome, run } = setUp();
  run();
  await clock.advance(4_000);
  calls[0]?.reject(new Error("NOSCRIPT No matching script."));
  await clock.flush();
  expect(calls[1]?.args).toEqual(["eval", "return 1", "1", "k", "a"]);
  await clock.advance(1_000);
  expect(outcome).toEqual([unavailable]);
  expect(changes).toEqual([false]);
});

test("any other error is the cause", async () => {
  const { clock, calls, outcome, run } = setUp();
  const cause = new Error("LOADING Redis is loading the dataset in memory");
  run();
  calls[0]?.reject(cause);
  await clock.flush();
  expect(outcome).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE", cause })]);
  expect(calls).toHaveLength(1);
});
