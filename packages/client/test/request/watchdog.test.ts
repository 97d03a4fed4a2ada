import { createFakeClock } from "@holdfast/core/testing";
import { describe, expect, test } from "vitest";
import { createWatchdog } from "../../src/request/watchdog.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { control, event, follow, OPEN } from "../support/follow.ts";

describe("the watchdog", () => {
  test("fires when its time is over, unless it is stopped or started again", async () => {
    const clock = createFakeClock();
    let fired = 0;
    const watchdog = createWatchdog(clock, () => fired++);
    watchdog.start(100);
    await clock.advance(99);
    watchdog.start(100);
    await clock.advance(99);
    watchdog.stop();
    await clock.advance(1_000);
    expect([fired, clock.timers]).toEqual([0, 0]);
    watchdog.start(100);
    await clock.advance(100);
    expect([fired, clock.timers]).toEqual([1, 0]);
  });

  test.each([
    [10_000, false],
    [10_001, true],
  ])("takes a timer that fires %i ms late for a sleep of the machine: %j", async (late, expected) => {
    const fake = createFakeClock();
    let asleep = 0;
    const suspended: boolean[] = [];
    const watchdog = createWatchdog({ ...fake, now: () => fake.now() + asleep }, (isSuspended) => {
      suspended.push(isSuspended);
    });
    watchdog.start(100);
    asleep = late;
    await fake.advance(100);
    expect(suspended).toEqual([expected]);
  });

  test("fires early when it is checked after two thirds of its time", async () => {
    const clock = createFakeClock();
    const suspended: boolean[] = [];
    const watchdog = createWatchdog(clock, (isSuspended) => suspended.push(isSuspended));
    watchdog.check();
    watchdog.start(300);
    await clock.advance(200);
    watchdog.check();
    expect(suspended).toEqual([]);
    await clock.advance(1);
    watchdog.check();
    expect(suspended).toEqual([true]);
    watchdog.stop();
    await clock.advance(1_000);
    watchdog.check();
    expect(suspended).toEqual([true]);
  });
});

describe("a server that is silent for too long is considered dead", () => {
  test("after 30 s without a response", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    await server.clock.advance(29_999);
    expect(connection.state).toMatchObject({ status: "connecting" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
    expect(server.last.isOver).toBe(true);
  });

  test("also while the request is being made", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { headers: () => new Promise(() => undefined) });
    await server.clock.advance(30_000);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
    expect(server.requests).toBe(0);
  });

  test("after 45 s, if it has announced no heartbeats", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(event("a"));
    await server.clock.advance(44_999);
    expect(connection.state).toMatchObject({ status: "open" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
  });

  test("after three of the heartbeats that it has announced", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat: 2_000 }));
    await server.clock.advance(5_999);
    expect(connection.state).toMatchObject({ status: "replaying" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
  });

  test("never, if it has announced that it sends no heartbeats", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat: null }));
    await server.clock.advance(86_400_000);
    expect(connection.state).toMatchObject({ status: "replaying" });
  });

  test.each([0, -5, 1])("but not within a second, whatever it announces: %i", async (heartbeat) => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", { ...OPEN, heartbeat }));
    await server.clock.advance(999);
    expect(connection.state).toMatchObject({ status: "replaying" });
  });

  test("after the timeouts of the options, whatever it announces", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { idleTimeout: 700, connectTimeout: 300 });
    await server.clock.advance(300);
    expect(connection.state).toMatchObject({ status: "retrying" });
    await server.clock.advance(500);
    server.last.open(control("open", OPEN));
    await server.clock.advance(699);
    expect(connection.state).toMatchObject({ status: "replaying" });
    await server.clock.advance(1);
    expect(connection.state).toMatchObject({ status: "retrying" });
  });

  test("unless it sends a byte, whichever", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open();
    for (let count = 0; count < 10; count++) {
      await server.clock.advance(40_000);
      server.last.send("x");
    }
    await server.clock.flush();
    expect(connection.state).toMatchObject({ status: "open" });
    expect(server.requests).toBe(1);
  });
});

test("bytes that lay in a buffer while the machine slept are delivered, and do not hide the sleep", async () => {
  const server = createFakeServer();
  let asleep = 0;
  const clock = { ...server.clock, now: () => server.clock.now() + asleep };
  const { messages } = await follow(server, { clock });
  server.last.open(event("a", "1"));
  await server.clock.advance(1_000);
  asleep = 3_600_000;
  server.last.send(event("b", "2"));
  await server.clock.advance(0);
  expect(messages.map(({ data }) => data)).toEqual(["a", "b"]);
  expect(server.requests).toBe(2);
  expect(server.last.header("last-event-id")).toBe("2");
});

test("a loss that shows that the machine slept is retried at once, but once", async () => {
  const server = createFakeServer();
  let asleep = 0;
  const clock = { ...server.clock, now: () => server.clock.now() + asleep };
  await follow(server, { clock });
  server.last.open(event("a", "1"));
  await server.clock.advance(1_000);
  asleep = 3_600_000;
  server.last.cut();
  await server.clock.advance(0);
  expect(server.requests).toBe(2);
  server.last.cut();
  await server.clock.advance(499);
  expect(server.requests).toBe(2);
});

test("a timer that fires far too late means that the machine slept: the client reconnects at once", async () => {
  const server = createFakeServer();
  let asleep = 0;
  const clock = { ...server.clock, now: () => server.clock.now() + asleep };
  const { connection } = await follow(server, { clock });
  server.last.open(event("a", "1"));
  await server.clock.advance(1_000);
  asleep = 3_600_000;
  await server.clock.advance(44_000);
  expect(connection.state).toMatchObject({ status: "connecting", attempt: 1 });
  expect(server.last.header("last-event-id")).toBe("1");
});
