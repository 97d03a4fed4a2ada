import { createFakeClock } from "@holdfast/core/testing";
import { expect, test } from "vitest";
import {
  createSubscriber,
  type PubSubConnection,
  type PubSubEvents,
} from "../../src/store-kit/subscriber.ts";

type Command = "connect" | "subscribe" | "unsubscribe" | "ping";

/** One connection as the test sees it. Its commands succeed at once unless they are in `hanging`. */
interface TestConnection {
  readonly events: PubSubEvents;
  readonly commands: string[];
  closed: number;
}

function setUp() {
  const clock = createFakeClock();
  const connections: TestConnection[] = [];
  const hanging = new Set<Command>();
  const wanted = new Map<string, true>();
  const subscribed: (string | undefined)[] = [];
  const failures: unknown[] = [];
  const createPubSub = (events: PubSubEvents): PubSubConnection => {
    const connection: TestConnection = { events, commands: [], closed: 0 };
    connections.push(connection);
    const run = async (command: Command, channels: string[] = []): Promise<void> => {
      connection.commands.push([command, ...channels].join(" "));
      if (hanging.has(command)) await new Promise(() => undefined);
    };
    return {
      connect: () => run("connect"),
      subscribe: (channels) => run("subscribe", channels),
      unsubscribe: (channels) => run("unsubscribe", channels),
      ping: () => run("ping"),
      close: () => void connection.closed++,
    };
  };
  const subscriber = createSubscriber({
    connector: { createPubSub },
    wanted,
    timeout: 5_000,
    clock,
    random: () => 1,
    onMessage: () => undefined,
    onSubscribed: (channel) => void subscribed.push(channel),
    onFailure: (error) => void failures.push(error),
  });
  const add = (...channels: string[]): void => {
    for (const channel of channels) {
      wanted.set(channel, true);
      subscriber.update(channel);
    }
  };
  const remove = (channel: string): void => {
    wanted.delete(channel);
    subscriber.update(channel);
  };
  return { clock, connections, hanging, subscribed, failures, subscriber, add, remove };
}

test("it connects when started, and follows changes of the wanted channels", async () => {
  const { clock, connections, subscribed, subscriber, add, remove } = setUp();
  add("a");
  await clock.flush();
  expect(connections).toHaveLength(0);
  subscriber.start();
  subscriber.start();
  await clock.flush();
  add("b", "c");
  await clock.flush();
  remove("a");
  add("d");
  await clock.flush();
  expect(connections.map(({ commands }) => commands)).toEqual([
    ["connect", "subscribe a", "subscribe b c", "subscribe d", "unsubscribe a"],
  ]);
  expect(subscribed).toEqual([undefined, "b", "c", "d"]);
  subscriber.stop();
  await clock.flush();
  expect(connections[0]?.closed).toBe(1);
  expect(clock.timers).toBe(0);
});

test("changes that arrive together need one command", async () => {
  const { clock, connections, subscriber, add, remove } = setUp();
  subscriber.start();
  await clock.flush();
  add("a", "b");
  remove("a");
  add("c");
  remove("c");
  add("c");
  await clock.flush();
  expect(connections[0]?.commands).toEqual(["connect", "subscribe b c"]);
  subscriber.stop();
});

test("a silent connection is pinged, and replaced if it hangs", async () => {
  const { clock, connections, hanging, subscribed, failures, subscriber, add } = setUp();
  add("a");
  subscriber.start();
  await clock.advance(15_000);
  expect(connections[0]?.commands).toEqual(["connect", "subscribe a", "ping", "ping", "ping"]);
  hanging.add("ping");
  await clock.advance(5_000);
  expect(failures).toEqual([]);
  await clock.advance(5_000);
  expect(failures).toHaveLength(1);
  expect(connections[0]?.closed).toBe(1);
  hanging.clear();
  subscribed.length = 0;
  await clock.advance(100);
  expect(connections[1]?.commands).toEqual(["connect", "subscribe a"]);
  expect(subscribed).toEqual([undefined]);
  subscriber.stop();
  await clock.flush();
  expect(clock.timers).toBe(0);
});

test.for(["connect", "subscribe", "unsubscribe"] as const)(
  "a connection whose %s hangs fails after the timeout",
  async (command) => {
    const { clock, connections, hanging, failures, subscriber, add, remove } = setUp();
    add("a");
    if (command !== "unsubscribe") hanging.add(command);
    subscriber.start();
    await clock.flush();
    hanging.add(command);
    remove("a");
    await clock.advance(5_000);
    expect(failures).toHaveLength(1);
    expect(connections[0]?.closed).toBe(1);
    subscriber.stop();
    await clock.flush();
    expect(clock.timers).toBe(0);
  },
);

test("it reconnects with exponential back-off, and reports the first failure only", async () => {
  const { clock, connections, hanging, failures, subscriber, add } = setUp();
  add("a");
  subscriber.start();
  await clock.flush();
  hanging.add("connect");
  for (const delay of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    const { length } = connections;
    connections.at(-1)?.events.closed(new Error("cut"));
    await clock.advance(delay - 1);
    expect(connections).toHaveLength(length);
    await clock.advance(1);
    expect(connections).toHaveLength(length + 1);
  }
  expect(failures).toEqual([new Error("cut")]);
  subscriber.stop();
  await clock.flush();
  expect(clock.timers).toBe(0);
});

test("a channel that is added during the back-off does not shorten it", async () => {
  const { clock, connections, hanging, failures, subscriber, add } = setUp();
  hanging.add("connect");
  add("a");
  subscriber.start();
  for (let attempt = 1; attempt <= 4; attempt++) {
    await clock.advance(5_000);
    add(`b${attempt}`);
    await clock.flush();
    expect(connections).toHaveLength(attempt);
    await clock.advance(100 * 2 ** (attempt - 1));
    expect(connections).toHaveLength(attempt + 1);
  }
  expect(failures).toHaveLength(1);
  hanging.clear();
  await clock.advance(10_000);
  expect(connections.at(-1)?.commands[1]).toBe("subscribe a b1 b2 b3 b4");
  subscriber.stop();
});

test("it stops at once during any command, and can start again", async () => {
  const { clock, connections, hanging, failures, subscriber, add } = setUp();
  add("a");
  for (const command of ["connect", "subscribe", undefined] as const) {
    if (command !== undefined) hanging.add(command);
    subscriber.start();
    await clock.flush();
    subscriber.stop();
    // A new connection does not wait until the old one has closed.
    subscriber.start();
    subscriber.stop();
    await clock.flush();
    hanging.clear();
    expect(clock.timers).toBe(0);
    expect(connections.every(({ closed }) => closed === 1)).toBe(true);
  }
  expect(failures).toEqual([]);
  for (const { events } of connections) events.closed(new Error("late"));
  await clock.flush();
  expect(failures).toEqual([]);
});
