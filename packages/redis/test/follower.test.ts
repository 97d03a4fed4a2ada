import { createFakeClock } from "@holdfast/core/testing";
import { expect, test } from "vitest";
import { createFollower } from "../src/follower.ts";
import type { RedisPort, Subscriber, SubscriberEvents } from "../src/port.ts";

type Step = "connect" | "subscribe" | "unsubscribe" | "ping";

/** One connection, as the test sees it. Its steps succeed at once, unless they are to hang. */
interface Connection {
  readonly events: SubscriberEvents;
  readonly did: string[];
  closed: number;
}

function setUp() {
  const clock = createFakeClock();
  const connections: Connection[] = [];
  const hanging = new Set<Step>();
  const wanted = new Map<string, true>();
  const heard: (string | undefined)[] = [];
  const failures: unknown[] = [];
  const subscriber = (events: SubscriberEvents): Subscriber => {
    const connection: Connection = { events, did: [], closed: 0 };
    connections.push(connection);
    const take = async (step: Step, channels: string[] = []): Promise<void> => {
      connection.did.push([step, ...channels].join(" "));
      if (hanging.has(step)) await new Promise(() => undefined);
    };
    return {
      connect: () => take("connect"),
      subscribe: (channels) => take("subscribe", channels),
      unsubscribe: (channels) => take("unsubscribe", channels),
      ping: () => take("ping"),
      close: () => void connection.closed++,
    };
  };
  const follower = createFollower({
    port: { subscriber } as RedisPort,
    wanted,
    timeout: 5_000,
    clock,
    random: () => 1,
    message: () => undefined,
    heard: (channel) => void heard.push(channel),
    failed: (error) => void failures.push(error),
  });
  const want = (...names: string[]): void => {
    for (const name of names) {
      wanted.set(name, true);
      follower.touch(name);
    }
  };
  const leave = (name: string): void => {
    wanted.delete(name);
    follower.touch(name);
  };
  return { clock, connections, hanging, heard, failures, follower, want, leave };
}

test("it connects with the start and follows what is wanted", async () => {
  const { clock, connections, heard, follower, want, leave } = setUp();
  want("a");
  await clock.flush();
  expect(connections).toHaveLength(0);
  follower.start();
  follower.start();
  await clock.flush();
  want("b", "c");
  await clock.flush();
  leave("a");
  want("d");
  await clock.flush();
  expect(connections.map(({ did }) => did)).toEqual([
    ["connect", "subscribe a", "subscribe b c", "subscribe d", "unsubscribe a"],
  ]);
  expect(heard).toEqual([undefined, "b", "c", "d"]);
  follower.stop();
  await clock.flush();
  expect(connections[0]?.closed).toBe(1);
  expect(clock.timers).toBe(0);
});

test("what comes and goes meanwhile is done once", async () => {
  const { clock, connections, follower, want, leave } = setUp();
  follower.start();
  await clock.flush();
  want("a", "b");
  leave("a");
  want("c");
  leave("c");
  want("c");
  await clock.flush();
  expect(connections[0]?.did).toEqual(["connect", "subscribe b c"]);
  follower.stop();
});

test("a quiet connection is asked whether it is there; one that hangs is replaced", async () => {
  const { clock, connections, hanging, heard, failures, follower, want } = setUp();
  want("a");
  follower.start();
  await clock.advance(15_000);
  expect(connections[0]?.did).toEqual(["connect", "subscribe a", "ping", "ping", "ping"]);
  hanging.add("ping");
  await clock.advance(5_000);
  expect(failures).toEqual([]);
  await clock.advance(5_000);
  expect(failures).toHaveLength(1);
  expect(connections[0]?.closed).toBe(1);
  hanging.clear();
  heard.length = 0;
  await clock.advance(100);
  expect(connections[1]?.did).toEqual(["connect", "subscribe a"]);
  expect(heard).toEqual([undefined]);
  follower.stop();
  await clock.flush();
  expect(clock.timers).toBe(0);
});

test.for(["connect", "subscribe", "unsubscribe"] as const)("a %s that hangs is given up", async (step) => {
  const { clock, connections, hanging, failures, follower, want, leave } = setUp();
  want("a");
  if (step !== "unsubscribe") hanging.add(step);
  follower.start();
  await clock.flush();
  hanging.add(step);
  leave("a");
  await clock.advance(5_000);
  expect(failures).toHaveLength(1);
  expect(connections[0]?.closed).toBe(1);
  follower.stop();
  await clock.flush();
  expect(clock.timers).toBe(0);
});

test("it comes back more and more slowly, and says once that it failed", async () => {
  const { clock, connections, hanging, failures, follower, want } = setUp();
  want("a");
  follower.start();
  await clock.flush();
  hanging.add("connect");
  for (const delay of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    const { length } = connections;
    connections.at(-1)?.events.over(new Error("cut"));
    await clock.advance(delay - 1);
    expect(connections).toHaveLength(length);
    await clock.advance(1);
    expect(connections).toHaveLength(length + 1);
  }
  expect(failures).toEqual([new Error("cut")]);
  follower.stop();
  await clock.flush();
  expect(clock.timers).toBe(0);
});

test("who wants something meanwhile does not hurry it", async () => {
  const { clock, connections, hanging, failures, follower, want } = setUp();
  hanging.add("connect");
  want("a");
  follower.start();
  for (let attempt = 1; attempt <= 4; attempt++) {
    await clock.advance(5_000);
    want(`b${attempt}`);
    await clock.flush();
    expect(connections).toHaveLength(attempt);
    await clock.advance(100 * 2 ** (attempt - 1));
    expect(connections).toHaveLength(attempt + 1);
  }
  expect(failures).toHaveLength(1);
  hanging.clear();
  await clock.advance(10_000);
  expect(connections.at(-1)?.did[1]).toBe("subscribe a b1 b2 b3 b4");
  follower.stop();
});

test("it stops wherever it is, at once, and starts anew", async () => {
  const { clock, connections, hanging, failures, follower, want } = setUp();
  want("a");
  for (const step of ["connect", "subscribe", undefined] as const) {
    if (step !== undefined) hanging.add(step);
    follower.start();
    await clock.flush();
    follower.stop();
    // A new one does not wait for the old one to be gone.
    follower.start();
    follower.stop();
    await clock.flush();
    hanging.clear();
    expect(clock.timers).toBe(0);
    expect(connections.every(({ closed }) => closed === 1)).toBe(true);
  }
  expect(failures).toEqual([]);
  for (const { events } of connections) events.over(new Error("late"));
  await clock.flush();
  expect(failures).toEqual([]);
});
