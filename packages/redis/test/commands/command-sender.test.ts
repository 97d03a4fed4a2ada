import { createFakeClock } from "@holdfast/core/testing";
import { createHealth } from "@holdfast/core/store-kit";
import { expect, test } from "vitest";
import { createCommandSender } from "../../src/commands/command-sender.ts";
import type { CommandArgument } from "../../src/connectors/connector.ts";

const SCRIPT = { sha: "abc", text: "return 1" };

interface SentCommand {
  readonly args: CommandArgument[];
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A client that replies when the test says so. */
function setUp() {
  const clock = createFakeClock();
  const sent: SentCommand[] = [];
  const healthChanges: boolean[] = [];
  const health = createHealth(() => () => undefined);
  health.addListener((healthy) => void healthChanges.push(healthy));
  const commands = createCommandSender(
    {
      send: (command, _key, args) =>
        new Promise((resolve, reject) => sent.push({ args: [command, ...args], resolve, reject })),
    },
    health,
    5_000,
    clock,
  );
  const outcomes: unknown[] = [];
  const run = (): void => {
    commands.runScript("write", SCRIPT, ["k"], ["a"]).then(
      (reply) => outcomes.push(reply),
      (error: unknown) => outcomes.push(error),
    );
  };
  return { clock, sent, healthChanges, outcomes, run };
}

const unavailable = expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true });

test("a reply resolves the call and clears its timer", async () => {
  const { clock, sent, healthChanges, outcomes, run } = setUp();
  run();
  sent[0]?.resolve("yes");
  await clock.flush();
  expect(outcomes).toEqual(["yes"]);
  expect(sent.map(({ args }) => args)).toEqual([["evalsha", "abc", "1", "k", "a"]]);
  expect(clock.timers).toBe(0);
  expect(healthChanges).toEqual([]);
});

test("a call without a reply rejects after the timeout, and a late reply does not count as healthy", async () => {
  const { clock, sent, healthChanges, outcomes, run } = setUp();
  run();
  await clock.advance(4_999);
  expect(outcomes).toEqual([]);
  await clock.advance(1);
  expect(outcomes).toEqual([unavailable]);
  expect(healthChanges).toEqual([false]);
  sent[0]?.resolve("late");
  await clock.flush();
  expect(healthChanges).toEqual([false]);

  run();
  sent[1]?.resolve("yes");
  await clock.flush();
  expect(outcomes).toEqual([unavailable, "yes"]);
  expect(healthChanges).toEqual([false, true]);
  expect(clock.timers).toBe(0);
});

test("an error after the timeout causes no unhandled rejection", async () => {
  const { clock, sent, outcomes, run } = setUp();
  run();
  await clock.advance(5_000);
  sent[0]?.reject(new Error("late"));
  await clock.flush();
  expect(outcomes).toEqual([unavailable]);
});

test("a script that Redis does not know is sent in full, within the same timeout", async () => {
  const { clock, sent, healthChanges, outcomes, run } = setUp();
  run();
  await clock.advance(4_000);
  sent[0]?.reject(new Error("NOSCRIPT No matching script."));
  await clock.flush();
  expect(sent[1]?.args).toEqual(["eval", "return 1", "1", "k", "a"]);
  await clock.advance(1_000);
  expect(outcomes).toEqual([unavailable]);
  expect(healthChanges).toEqual([false]);
});

test.each([
  "WRONGTYPE Operation against a key holding the wrong kind of value script: abc, on @user_script:9.",
  "ERR user_script:9: attempt to perform arithmetic on a nil value script: abc, on @user_script:9.",
  "ERR value is not an integer or out of range script: abc, on @user_script:9.",
])("an error of the keys alone is not retryable, and says nothing about health: %s", async (message) => {
  const { clock, sent, healthChanges, outcomes, run } = setUp();
  const cause = new Error(message);
  run();
  sent[0]?.reject(cause);
  await clock.flush();
  expect(outcomes).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: false, cause })]);
  expect(healthChanges).toEqual([]);
});

test.each([
  "OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:9.",
  "ERR Error running script (call to f_abc): @user_script:9: -OOM command not allowed",
  "READONLY You can't write against a read only replica. script: abc, on @user_script:9.",
  "LOADING Redis is loading the dataset in memory",
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk.",
  "CLUSTERDOWN The cluster is down",
  "NOPERM this user has no permissions to run the 'evalsha' command",
  "ERR unknown command 'evalsha'",
  "Connection is closed.",
])("an error of Redis itself is retryable, and changes the health: %s", async (message) => {
  const { clock, sent, healthChanges, outcomes, run } = setUp();
  run();
  sent[0]?.reject(new Error(message));
  await clock.flush();
  expect(outcomes).toEqual([unavailable]);
  expect(healthChanges).toEqual([false]);
});

test("any other error becomes the cause", async () => {
  const { clock, sent, outcomes, run } = setUp();
  const cause = new Error("LOADING Redis is loading the dataset in memory");
  run();
  sent[0]?.reject(cause);
  await clock.flush();
  expect(outcomes).toEqual([expect.objectContaining({ code: "STORE_UNAVAILABLE", cause })]);
  expect(sent).toHaveLength(1);
});
