// Covers src/registry/registry.ts, and by its API src/stream/{stream-table,retention,memory-host}.ts and
// src/connection/{connection-pool,options}.ts.

import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("open", () => {
  test("registers the stream synchronously", () => {
    const { registry } = createTestRegistry();
    void registry.open("a");
    expect(registry.get("a")).toMatchObject({
      id: "a",
      kind: "stream",
      status: "live",
      first: 1,
      last: 0,
      readers: 0,
    });
    expect(registry.size).toBe(1);
  });

  test("rejects the id of a live stream and of a channel", async () => {
    const { registry } = createTestRegistry();
    await registry.open("a");
    registry.channel("room");
    await expect(registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await expect(registry.open("room")).rejects.toEqual(code("STREAM_EXISTS"));
    expect(() => registry.channel("a")).toThrow(expect.objectContaining({ code: "STREAM_EXISTS" }));
  });

  test.each(["", "x".repeat(257), "a\nb", 7, undefined])("rejects the invalid id %j", async (id) => {
    const { registry } = createTestRegistry();
    await expect(registry.open(id as string)).rejects.toEqual(code("INVALID_OPTION"));
    expect(registry.size).toBe(0);
  });

  test("takes the id of an ended stream, whose readers finish on the old log", async () => {
    const { registry, clock, connect } = createTestRegistry({ random: Math.random });
    const old = await registry.open("a");
    const reader = connect("a");
    old.push({ data: "old" });
    await old.end();
    const fresh = await registry.open("a");
    fresh.push({ data: "new" });
    await clock.flush();
    expect(reader.events).toEqual(["old"]);
    expect(reader.blocks.at(-1)?.[0]).toBe("stream.end");
    expect(connect("a").events).toEqual(["new"]);
    expect(fresh.epoch).not.toBe(old.epoch);
  });

  test("starts a stream that is not forgotten by the timer of the ended stream with the same id", async () => {
    const { registry, clock } = createTestRegistry();
    const old = await registry.open("a");
    await old.end();
    await clock.advance(59_000);
    await registry.open("a");
    await clock.advance(2_000);
    expect(registry.get("a")?.status).toBe("live");
  });

  test("starts a stream that expires after `idle` without a push and without a reader", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const job = await registry.open("a", { idle: 10_000 });
    await clock.advance(9_000);
    job.push({ data: 1 });
    await clock.advance(9_999);
    expect(job.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(job.signal.aborted).toBe(true);
    expect(registry.get("a")?.status).toBe("expired");
    expect(observed.streamEnded).toMatchObject([{ id: "a", status: "expired", events: 1 }]);
    await clock.advance(60_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("by another producer of the stream counts as a sign of life, as a push does", async () => {
    const { registry, clock } = createTestRegistry({ idle: 10_000 });
    await registry.open("a");
    await clock.advance(9_999);
    await registry.open("a", { ifExists: "append" });
    await clock.advance(9_999);
    expect(registry.get("a")?.status).toBe("live");
    await clock.advance(1);
    expect(registry.get("a")?.status).toBe("expired");
  });

  test("starts a stream that does not expire while it has a reader", async () => {
    const { registry, clock, connect } = createTestRegistry();
    await registry.open("a", { idle: 1_000 });
    const client = connect("a");
    await clock.advance(5_000);
    expect(registry.get("a")?.status).toBe("live");
    client.leave();
    await clock.advance(1_000);
    expect(registry.get("a")?.status).toBe("expired");
  });
});

describe("a channel", () => {
  test("has many writers, no end, and one stream", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect(registry.channel("room"));
    registry.channel("room").push({ event: "said", data: "one" });
    registry.channel("room").push({ event: "said", data: "two" });
    await clock.flush();
    expect(client.events).toEqual(["one", "two"]);
    expect(await registry.cancel("room")).toBe(false);
  });

  test("is forgotten when idle, and has a new epoch from the next push", async () => {
    const { registry, clock, connect } = createTestRegistry({ idle: 1_000, random: Math.random });
    const channel = registry.channel("room");
    channel.push({ data: 1 });
    const { epoch } = registry.get("room") ?? {};
    await clock.advance(1_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
    channel.push({ data: 2 });
    const client = connect(channel, { cursor: `${epoch}.1` });
    expect(client.blocks[1]?.[2]).toEqual({ reason: "epoch", lost: null });
    expect(client.events).toEqual([2]);
  });

  test("is created again for a client that connects to a handle that was kept after it was forgotten", async () => {
    const { registry, clock, connect } = createTestRegistry({ idle: 1_000 });
    const channel = registry.channel("room");
    await clock.advance(1_000);
    const client = connect(channel);
    channel.push({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
  });
});

describe("a handle of a channel that was forgotten", () => {
  test("serves the stream that has taken the id", async () => {
    const { registry, clock, connect } = createTestRegistry({ idle: 1_000 });
    const channel = registry.channel("room");
    await clock.advance(1_000);
    const job = await registry.open("room");
    job.push({ data: 1 });
    expect(connect(channel).events).toEqual([1]);
    expect(() => channel.push({ data: 2 })).toThrow(code("STREAM_EXISTS") as Error);
  });

  test("without readers gives way when there is no room, the oldest first", async () => {
    const { registry, connect, clock } = createTestRegistry({ maxStreams: 3 });
    for (const id of ["a", "b", "c"]) registry.channel(id).push({ data: id });
    const client = connect(registry.channel("a"), { serve: { from: "start" } });
    await registry.open("job");
    expect([registry.get("a")?.kind, registry.get("b"), registry.size]).toEqual(["channel", undefined, 3]);
    registry.channel("d").push({ data: 1 });
    expect([registry.get("c"), registry.get("d")?.last]).toEqual([undefined, 1]);
    await clock.flush();
    expect(client.events).toEqual(["a"]);
  });

  test("gives way before those whose readers have just left", async () => {
    const { registry, connect } = createTestRegistry({ maxStreams: 2 });
    for (const id of ["a", "b"]) registry.channel(id).push({ data: id });
    connect(registry.channel("a")).leave();
    await registry.open("job");
    expect([registry.get("a")?.kind, registry.get("b")]).toEqual(["channel", undefined]);
  });

  test("keeps its newest events when there is no room for bytes: the largest log loses its oldest ones", async () => {
    const { registry } = createTestRegistry({ bytes: 10_000 });
    registry.channel("small").push({ data: 1 });
    const job = await registry.open("job");
    for (let pushed = 0; pushed < 100; pushed++) job.push({ data: "x".repeat(500) });
    expect([registry.get("small")?.last, registry.gauges().bytes <= 10_000]).toEqual([1, true]);
  });

  test("for each of 10,000 users costs nobody an exception or an event who is connected", async () => {
    const { registry, connect, clock, observed } = createTestRegistry({ maxStreams: 1_000 });
    const users = Array.from({ length: 10_000 }, (_, user) => `user-${user}`);
    const connected = users.filter((_, user) => user % 12 === 0);
    const clients = connected.map((user) => connect(registry.channel(user)));
    for (const round of [1, 2]) for (const user of users) registry.channel(user).push({ data: round });
    await clock.flush();
    for (const { events } of clients) expect(events).toEqual([1, 2]);
    expect([registry.gauges().streams, observed.failed]).toEqual([1_000, []]);
  });

  test("drops what is pushed while the registry is full, and tells the observer once", async () => {
    const { registry, observed } = createTestRegistry({ maxStreams: 1 });
    const job = await registry.open("job");
    const room = registry.channel("room");
    for (let pushed = 0; pushed < 3; pushed++) room.push({ data: pushed });
    registry.channel("other").push({ data: 1 });
    expect(observed.failed).toMatchObject([{ id: "room", error: { code: "LIMIT_EXCEEDED" } }]);
    await job.end();
    room.push({ data: "heard" });
    expect(registry.get("room")?.last).toBe(1);
  });

  test("makes clients wait while the registry is full, and counts each once", async () => {
    const { registry, clock, connect, observed } = createTestRegistry({ idle: 1_000, maxStreams: 1 });
    const channel = registry.channel("room");
    await clock.advance(1_000);
    await registry.open("job", { idle: 1e9 });
    const client = connect(channel);
    expect(client.text).toContain('"state":"waiting"');
    expect(observed.failed).toMatchObject([{ id: "room", error: { code: "LIMIT_EXCEEDED" } }]);
    client.leave();
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
  });
});

describe("a reference", () => {
  test("creates nothing and takes any string", () => {
    const { registry } = createTestRegistry();
    expect(registry.stream("../../\u0000etc").id).toBe("../../\u0000etc");
    expect(registry.get("unknown")).toBeUndefined();
    expect(registry.size).toBe(0);
  });

  test("drains waiting clients after `wait`, without an error", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const client = connect(registry.stream("a", { wait: 5_000 }));
    await clock.advance(4_999);
    expect([client.state, registry.gauges().waiting]).toEqual(["open", 1]);
    await clock.advance(1);
    expect(client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "waiting" }]);
    expect(client.text).not.toContain("stream.error");
    expect(observed.connectionClosed).toMatchObject([{ id: "a", reason: "waiting", duration: 5_000 }]);
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    expect(clock.timers).toBe(0);
  });

  test("sends heartbeats to waiting clients", async () => {
    const { clock, connect } = createTestRegistry();
    const client = connect("a");
    await clock.advance(45_000);
    expect(client.text.split(":\n\n")).toHaveLength(4);
  });

  test("holds nothing for a client that has left while it waited", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("a");
    client.leave();
    await client.over;
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    expect(clock.timers).toBe(0);
  });
});

describe("cancel", () => {
  test("ends the stream first, then aborts the writer's signal with the reason", async () => {
    const { registry, observed } = createTestRegistry();
    const job = await registry.open("a");
    let status: string | undefined;
    job.signal.addEventListener("abort", () => {
      status = registry.get("a")?.status;
    });
    expect(await registry.cancel("a", "user")).toBe(true);
    expect(status).toBe("cancelled");
    expect(job.signal.reason).toBe("user");
    expect(await registry.cancel("a", "again")).toBe(false);
    expect(await registry.cancel("unknown")).toBe(false);
    expect(job.push({ data: 1 })).toBeUndefined();
    expect(job.push({ data: 2 })).toBeUndefined();
    expect(observed.warned).toMatchObject([{ id: "a" }]);
  });

  test("with `grace` aborts the writer's signal first, and keeps what it pushes until it ends", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    const status = job.pipe(async function* ({ signal }) {
      yield { data: 1 };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield { data: "tidied up" };
    });
    await clock.flush();
    expect(await registry.cancel("a", "user", { grace: 5_000 })).toBe(true);
    expect(registry.get("a")?.status).toBe("live");
    await clock.flush();
    expect(await status).toBe("cancelled");
    expect(client.events).toEqual([1, "tidied up"]);
    expect(client.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
  });

  test("with `grace` ends a stream whose producer does not react", async () => {
    const { registry, clock } = createTestRegistry();
    const job = await registry.open("a");
    await registry.cancel("a", "user", { grace: 5_000 });
    expect(job.signal.reason).toBe("user");
    await clock.advance(4_999);
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    await clock.advance(1);
    expect(registry.get("a")?.status).toBe("cancelled");
    expect(job.push({ data: 2 })).toBeUndefined();
  });

  test("with `grace` holds for a producer that continues the stream meanwhile: it is asked to stop, too", async () => {
    const { registry, clock } = createTestRegistry();
    await registry.open("a");
    await registry.cancel("a", "user", { grace: 5_000 });
    const job = await registry.open("a", { ifExists: "append" });
    expect(job.signal.reason).toBe("user");
    expect(job.push({ data: "tidied up" })).toBe(`${job.epoch}.1`);
    await clock.advance(5_000);
    expect(registry.get("a")?.status).toBe("cancelled");
  });

  test("with `grace` is over when the stream is replaced", async () => {
    const { registry, clock, observed } = createTestRegistry();
    await registry.open("a");
    await registry.cancel("a", "user", { grace: 5_000 });
    const job = await registry.open("a", { ifExists: "replace" });
    await clock.advance(5_000);
    expect([observed.streamEnded, job.signal.aborted]).toEqual([[], false]);
    await job.end();
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });

  test("is not caused by a client that disconnects", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    connect("a").leave();
    expect([job.signal.aborted, job.readers]).toEqual([false, 0]);
  });
});

describe("limits", () => {
  test("a client over `maxConnections` is asked to reconnect, and no other client is evicted for it", async () => {
    const { registry, connect, observed } = createTestRegistry({ maxConnections: 1 });
    await registry.open("a");
    const first = connect("a");
    const second = connect("a");
    expect([second.status, second.state]).toEqual([200, "flushed"]);
    expect(second.text).toBe(`event: stream.drain\nretry: 17500\ndata: {"reason":"busy"}\n\n`);
    expect(first.state).toBe("open");
    expect(observed.connectionClosed).toMatchObject([{ reason: "busy" }]);
    first.leave();
    expect(connect("a").state).toBe("open");
  });

  test("a client over `maxConnections` gets a 503 with `overload: refuse`", async () => {
    const { registry, connect } = createTestRegistry({ maxConnections: 1, overload: "refuse" });
    await registry.open("a");
    connect("a");
    const client = connect("a");
    expect([client.status, client.text]).toEqual([503, ""]);
    expect(client.headers).toEqual({ "cache-control": "no-store", "retry-after": "18" });
    await client.over;
  });

  test("`maxWaiting` bounds the clients that wait for made-up ids", async () => {
    const { registry, connect } = createTestRegistry({ maxWaiting: 2 });
    for (let n = 0; n < 50; n++) connect(`made-up-${n}`);
    expect(registry.gauges()).toMatchObject({ waiting: 2, connections: 2, streams: 0 });
    const job = await registry.open("real");
    job.push({ data: 1 });
    expect(connect("real").events).toEqual([1]);
  });

  test("`maxStreams` rejects one live stream too many, but ended ones are forgotten first", async () => {
    const { registry } = createTestRegistry({ maxStreams: 2 });
    const a = await registry.open("a");
    await registry.open("b");
    await expect(registry.open("c")).rejects.toEqual(code("LIMIT_EXCEEDED"));
    await a.end();
    await registry.open("c");
    expect([registry.get("a"), registry.size]).toEqual([undefined, 2]);
  });

  test("over `bytes`, lingering streams are forgotten, the oldest first, and then the largest log loses its oldest events", async () => {
    const { registry, observed, connect, clock } = createTestRegistry({ bytes: 25_000 });
    const data = "x".repeat(8_000);
    for (const id of ["a", "b"]) {
      const job = await registry.open(id);
      job.push({ data });
      await job.end();
    }
    const c = await registry.open("c");
    c.push({ data });
    c.push({ data });
    expect([registry.get("a"), registry.get("b")?.status]).toEqual([undefined, "done"]);
    c.push({ data });
    c.push({ data });
    expect(registry.get("b")).toBeUndefined();
    const d = await registry.open("d");
    for (let pushed = 0; pushed < 100; pushed++) {
      d.push({ data: "x".repeat(100) });
      expect(registry.gauges().bytes).toBeLessThanOrEqual(25_000);
    }
    expect([registry.get("c"), registry.get("d")]).toEqual([
      expect.objectContaining({ first: 4, last: 4 }),
      expect.objectContaining({ first: 1, last: 100 }),
    ]);
    expect(observed.warned.map(({ message }) => message)).toEqual([
      expect.stringContaining("limit of `bytes`"),
    ]);
    const client = connect("c");
    await clock.flush();
    expect(client.blocks[1]?.[2]).toEqual({ reason: "trimmed", lost: [1, 3] });
    await c.end();
    await registry.open("e");
    expect(registry.gauges()).toMatchObject({ streams: 3, lingering: 1 });
  });

  test("`bytes` holds for any number of logs of any sizes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 900 })), { maxLength: 200 }),
        async (pushes) => {
          const { registry } = createTestRegistry({ bytes: 2_000 });
          const jobs = await Promise.all(["a", "b", "c", "d", "e", "f"].map((id) => registry.open(id)));
          for (const [index, size] of pushes) {
            const job = jobs[index];
            job?.push({ data: "x".repeat(size) });
            expect(registry.gauges().bytes).toBeLessThanOrEqual(2_000);
            expect(registry.get(job?.id ?? "")?.last).toBe(job?.last);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test("`maxEventBytes`, and a quarter of the buffer, bound the size of an event", async () => {
    const { registry } = createTestRegistry({ maxEventBytes: 100 });
    const job = await registry.open("a");
    expect(() => job.push({ data: "x".repeat(100) })).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
    expect(job.push({ data: "x" })).toBe(`${job.epoch}.1`);
    const small = await registry.open("b", { buffer: { bytes: 200 } });
    expect(() => small.push({ data: "x".repeat(50) })).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
  });

  test.each([
    [{ heartbeat: 0 }, "`heartbeat` must be a positive number of milliseconds, got 0."],
    [{ idleTimeout: "90" }, '`idleTimeout` must be a positive number of milliseconds, got "90".'],
    [{ from: "end" }, '`from` must be "start" or "now", got "end".'],
    [{ overload: "evict" }, '`overload` must be "drain" or "refuse", got "evict".'],
    [{ buffer: { events: 1.5 } }, "`buffer.events` must be a positive integer, got 1.5."],
    [{ maxConnections: -1 }, "`maxConnections` must be a positive integer, got -1."],
    [{ clock: {} }, "`clock` must be a Clock, got [object Object]."],
  ])("the invalid option %j is rejected", (options, message) => {
    expect(() => createRegistry(options as never)).toThrow(message);
  });

  test("options resolve call > ref > registry > default", async () => {
    const { registry, clock, connect } = createTestRegistry({ wait: 3_000, heartbeat: 700 });
    const ref = registry.stream("a", { wait: 2_000 });
    const [byRegistry, byRef, byCall] = [
      connect("a"),
      connect(ref),
      connect(ref, { serve: { wait: 1_000 } }),
    ];
    expect(byCall.text).toContain('"heartbeat":700');
    await clock.advance(1_000);
    expect([byRegistry.state, byRef.state, byCall.state]).toEqual(["open", "open", "flushed"]);
    await clock.advance(1_000);
    expect([byRegistry.state, byRef.state]).toEqual(["open", "flushed"]);
    await expect(connect("a", { serve: { wait: -1 } }).over).rejects.toEqual(code("INVALID_OPTION"));
  });
});

describe("close", () => {
  test("asks clients of channels to reconnect while it closes, and behind that", async () => {
    const { registry, clock, connect } = createTestRegistry();
    connect("slow").stall();
    const drained = 'event: stream.drain\nretry: 4000\ndata: {"reason":"shutdown"}\n\n';
    const closed = registry.close();
    // Its handler may run at any time, on a connection that was kept alive.
    expect(connect(registry.channel("room")).text).toBe(drained);
    await clock.advance(10_000);
    await closed;
    const channel = registry.channel("room");
    expect(connect(channel).text).toBe(drained);
    expect(channel.push({ data: 1 })).toBeUndefined();
    expect(registry.gauges().streams).toBe(0);
  });

  test("drains every client with a spread `retry:`, rejects new streams, and holds nothing in the end", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const channel = registry.channel("room");
    const clients = [connect("a"), connect(channel), connect("waiting")];
    const closed = registry.close();
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    channel.push({ data: 1 });
    for (const client of clients) {
      expect(client.text).toMatch(/event: stream\.drain\nretry: 4000\ndata: \{"reason":"shutdown"\}\n\n$/);
      expect(client.state).toBe("flushed");
    }
    await expect(registry.open("b")).rejects.toEqual(code("REGISTRY_CLOSED"));
    await closed;
    expect(job.signal.reason).toEqual(code("REGISTRY_CLOSED"));
    expect(job.push({ data: 2 })).toBeUndefined();
    channel.push({ data: 2 });
    expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
    expect(clock.timers).toBe(0);
    const late = connect("a");
    expect([late.status, late.state]).toEqual([200, "flushed"]);
    expect(late.text).toBe('event: stream.drain\nretry: 4000\ndata: {"reason":"shutdown"}\n\n');
    expect(registry.close()).toBe(registry.close());
  });

  test("sends what was pushed in the same turn before the drain", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    job.push({ data: "last words" });
    void registry.close();
    expect(client.blocks.slice(-2).map(([event, , data]) => [event, data])).toEqual([
      ["message", "last words"],
      ["stream.drain", { reason: "shutdown" }],
    ]);
  });

  test("with `grace` lets the streams that were opened here end, and drains all other clients at once", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const room = connect(registry.channel("room"));
    const client = connect("a");
    const closed = registry.close({ grace: 10_000 });
    expect([room.state, client.state]).toEqual(["flushed", "open"]);
    await clock.advance(5_000);
    const late = connect("a");
    expect(connect("b").blocks.map(([event]) => event)).toEqual(["stream.drain"]);
    job.push({ data: 1 });
    await job.end();
    await clock.flush();
    await closed;
    for (const { events, blocks } of [client, late]) {
      expect(events).toEqual([1]);
      expect(blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.2.end`, { status: "done" }]);
    }
    expect(clock.timers).toBe(0);
  });

  test("with `grace` asks a client to reconnect whose user has logged out, without serving it", async () => {
    const { registry, connect } = createTestRegistry();
    await registry.open("a");
    void registry.close({ grace: 10_000 });
    const client = connect("a", { serve: { signal: AbortSignal.abort() } });
    expect(client.blocks).toEqual([["stream.drain", undefined, { reason: "aborted" }]]);
  });

  test("a later call can only shorten the grace; then live streams are cancelled", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    const closed = registry.close({ grace: 60_000 });
    void registry.close({ grace: 3_600_000 });
    await clock.advance(1_000);
    expect(client.state).toBe("open");
    void registry.close({ grace: 2_000 });
    await clock.advance(1_999);
    expect(client.state).toBe("open");
    await clock.advance(1);
    await closed;
    expect(client.blocks.at(-1)?.[0]).toBe("stream.drain");
    expect(job.signal.reason).toEqual(code("REGISTRY_CLOSED"));
  });

  test("waits until the deadline for a client that takes nothing, then drains or cuts it", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const [resumed, stuck] = [connect("a"), connect("a")];
    resumed.stall();
    stuck.stall();
    job.push({ data: 1 });
    await clock.flush();
    let isClosed = false;
    const closed = registry.close({ deadline: 5_000 }).then(() => {
      isClosed = true;
    });
    resumed.drain();
    expect(resumed.blocks.at(-1)?.[0]).toBe("stream.drain");
    await clock.advance(4_999);
    expect([isClosed, stuck.state, job.signal.aborted]).toEqual([false, "open", false]);
    await clock.advance(1);
    await closed;
    expect(stuck.state).toBe("destroyed");
    expect(stuck.text).not.toContain("stream.drain");
    expect(job.signal.aborted).toBe(true);
    expect(clock.timers).toBe(0);
  });
});

describe("types", () => {
  test("a registry takes the events of its map only", () => {
    type Events = { token: string; progress: { done: number }; done: undefined; message: number };
    const registry = createRegistry<Events>();
    const use = async (): Promise<void> => {
      const job = await registry.open("a");
      job.push({ event: "token", data: "x" });
      job.push({ event: "done" });
      job.push({ data: 1 });
      // @ts-expect-error: a token is a string
      job.push({ event: "token", data: 1 });
      // @ts-expect-error: there is no such event
      job.push({ event: "tokens", data: "x" });
      // @ts-expect-error: progress has data
      job.push({ event: "progress" });
      // @ts-expect-error: ids are given by the stream
      job.push({ event: "token", data: "x", id: "1" });
    };
    expectTypeOf(use).returns.resolves.toBeVoid();
    expect(new HoldfastError("GONE", "x")).toBeInstanceOf(Error);
  });
});
