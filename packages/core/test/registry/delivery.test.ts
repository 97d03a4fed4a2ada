// Covers what a client is sent, by src/registry/{accept,request-context}.ts, src/stream/{reader,handshake,notifier}.ts and
// src/connection/{connection,empty-response}.ts.

import { describe, expect, test, vi } from "vitest";
import { createLatch } from "../../src/base/latch.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

describe("the first bytes", () => {
  test("are the headers and `stream.open`, before any event exists", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    expect(client.status).toBe(200);
    expect(client.headers).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    expect(client.text).toBe(
      `event: stream.open\nid: ${job.epoch}.0\nretry: 1500\n` +
        `data: {"state":"live","first":1,"last":0,"heartbeat":15000}\n\n` +
        `event: stream.live\ndata: {}\n\n`,
    );
  });

  test("say `waiting` while the stream does not exist, and are followed by a second `stream.open` when it does", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("a");
    expect(client.text).toBe(
      `event: stream.open\nretry: 1500\ndata: {"state":"waiting","first":null,"last":null,"heartbeat":15000}\n\n`,
    );
    const job = await registry.open("a");
    await clock.flush();
    job.push({ event: "token", data: "x" });
    await clock.flush();
    expect(client.blocks.slice(1)).toEqual([
      ["stream.open", `${job.epoch}.0`, { state: "live", first: 1, last: 0, heartbeat: 15_000 }],
      ["stream.live", undefined, {}],
      ["token", `${job.epoch}.1`, "x"],
    ]);
  });

  test("are followed by every event and the end of a stream that is opened and ended in one turn while the client waits", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect(registry.stream("a", { from: "now" }));
    const job = await registry.open("a");
    job.push({ data: "x" });
    await job.end({ event: "done", data: "y" });
    await clock.flush();
    expect(client.events).toEqual(["x", "y"]);
    expect(client.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.3.end`, { status: "done" }]);
    expect(client.state).toBe("flushed");
  });
});

describe("heartbeats", () => {
  test("of thousands of clients come in time, also with a shorter interval than the registry's", async () => {
    const { registry, clock, connect } = createTestRegistry();
    await registry.open("a");
    const options = { serve: { heartbeat: 1_000 } };
    const clients = Array.from({ length: 5_000 }, () => connect("a", options));
    await clock.advance(30_000);
    const counts = clients.map((client) => client.text.split("\n:\n").length - 1);
    // After 1.5 s at the latest, as PROTOCOL.md allows if many are due at once.
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(20);
    // And at most a 64th early.
    expect(Math.max(...counts)).toBeLessThanOrEqual(31);
  });
});

describe("replay and live delivery", () => {
  test("send what was pushed before and what is pushed now, each event once and in order", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    const client = connect("a");
    expect(client.events).toEqual([1, 2, 3]);
    for (let n = 4; n <= 6; n++) job.push({ data: n });
    await clock.flush();
    expect(client.events).toEqual([1, 2, 3, 4, 5, 6]);
    expect(client.blocks.map(([event]) => event).indexOf("stream.live")).toBe(4);
  });

  test("send the pushes of one turn in one write, after `push` has returned", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    const before = client.writes;
    for (let n = 0; n < 100; n++) job.push({ data: n });
    expect(client.writes).toBe(before);
    await clock.flush();
    expect(client.writes).toBe(before + 1);
    expect(client.events).toHaveLength(100);
  });

  test("take one callback per turn, however many pushes the turn has", async () => {
    const { registry, clock } = createTestRegistry();
    const soon = vi.spyOn(clock, "soon");
    const [job, other] = [await registry.open("a"), await registry.open("b")];
    for (let count = 1; count <= 3; count++) job.push({ data: count });
    other.push({ data: 1 });
    await clock.flush();
    job.push({ data: 4 });
    await clock.flush();
    expect(soon).toHaveBeenCalledTimes(2);
  });

  test("resume behind the cursor, which is compared as a number, not as text", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 12; n++) job.push({ data: n });
    const client = connect("a", { cursor: `${job.epoch}.9` });
    expect(client.blocks[0]?.[1]).toBe(`${job.epoch}.9`);
    expect(client.events).toEqual([10, 11, 12]);
  });

  test("repeat the cursor in `stream.open`, so that it survives a connection without new events", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: 1 });
    const client = connect("a", { cursor: `${job.epoch}.1` });
    expect(client.blocks.map(([event, id]) => [event, id])).toEqual([
      ["stream.open", `${job.epoch}.1`],
      ["stream.live", undefined],
    ]);
  });

  test("send `stream.live` behind the last event at the time of the connection: a replay does not chase new events", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: "x".repeat(40_000) });
    const client = createMemoryClient();
    client.stall();
    void serve(client.request, client.open, job);
    for (let n = 1; n <= 5; n++) {
      job.push({ data: "y".repeat(40_000) });
      client.drain();
      client.stall();
    }
    client.drain();
    expect(client.text.indexOf("stream.live")).toBeGreaterThan(client.text.lastIndexOf("x"));
    expect(client.text.indexOf("stream.live")).toBeLessThan(client.text.indexOf("yyy"));
    expect(client.text.match(/stream\.live/g)).toHaveLength(1);
    expect(connect(job, { cursor: `${job.epoch}.10` }).events).toEqual([]);
  });

  test("send 2,000 missed events in writes of at most 64 KiB", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 2_000; n++) job.push({ data: `${n} ${"x".repeat(300)}` });
    const client = connect("a");
    const { text, writes } = client;
    expect(client.events).toHaveLength(2_000);
    expect(text.length / (writes - 2)).toBeLessThanOrEqual(65_536);
    expect(writes).toBeLessThan(30);
  });

  test("start behind the last event with `from: now`", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: 1 });
    const client = connect(registry.stream("a", { from: "now" }));
    job.push({ data: 2 });
    await clock.flush();
    expect(client.blocks[0]?.[1]).toBe(`${job.epoch}.1`);
    expect(client.events).toEqual([2]);
  });

  test("ignore `from: now` if the client has a cursor", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    const client = connect(registry.stream("a", { from: "now" }), { cursor: `${job.epoch}.1` });
    expect(client.events).toEqual([2, 3]);
  });
});

test("streams whose subscribers push to each other do not starve the event loop", async () => {
  const registry = createRegistry();
  const [ping, pong] = [await registry.open("ping"), await registry.open("pong")];
  const stop = new AbortController();
  const echo = async (from: string, to: typeof ping): Promise<void> => {
    for await (const { data } of registry.subscribe(from, { signal: stop.signal })) to.push({ data });
  };
  const echoes = Promise.allSettled([echo("ping", pong), echo("pong", ping)]);
  ping.push({ data: "ball" });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await echoes;
  expect(registry.get("ping")?.last).toBeGreaterThan(100);
  await registry.close();
});

describe("a cursor that the log cannot serve", () => {
  async function trimmedJob() {
    const fixture = createTestRegistry({ buffer: { events: 3 } });
    const job = await fixture.registry.open("a");
    for (let n = 1; n <= 10; n++) job.push({ data: n });
    return { ...fixture, job };
  }

  test.each([
    { name: "no cursor, with a trimmed log,", cursor: undefined, reason: "trimmed", lost: [1, 7] },
    { name: "a cursor before the first held event", cursor: 4, reason: "trimmed", lost: [5, 7] },
    { name: "a cursor ahead of the stream", cursor: 11, reason: "ahead", lost: null },
    { name: "a cursor of another epoch", cursor: "zzzzzzzzzz.9", reason: "epoch", lost: null },
    { name: "a cursor that is no event id", cursor: "9", reason: "invalid", lost: null },
    { name: "a cursor over 64 bytes", cursor: "9".repeat(65), reason: "invalid", lost: null },
  ])("$name causes a reset to the first held event", async ({ cursor, reason, lost }) => {
    const { job, connect, observed } = await trimmedJob();
    const given = typeof cursor === "number" ? `${job.epoch}.${cursor}` : cursor;
    const client = connect("a", given === undefined ? {} : { cursor: given });
    expect(client.blocks.slice(0, 2)).toEqual([
      ["stream.open", undefined, { state: "live", first: 8, last: 10, heartbeat: 15_000 }],
      ["stream.reset", `${job.epoch}.7`, { reason, lost }],
    ]);
    expect(client.events).toEqual([8, 9, 10]);
    expect(observed.reset).toEqual([{ id: "a", reason, lost }]);
  });

  test("a cursor just before the first held event is served without a reset", async () => {
    const { job, connect } = await trimmedJob();
    const client = connect("a", { cursor: `${job.epoch}.7` });
    expect(client.blocks[0]?.[1]).toBe(`${job.epoch}.7`);
    expect(client.events).toEqual([8, 9, 10]);
  });

  test("a slow reader that falls behind the log gets a reset that names exactly what it missed, and goes on", async () => {
    const { registry, clock, connect } = createTestRegistry({ buffer: { events: 3 } });
    const job = await registry.open("a");
    job.push({ data: 1 });
    const client = connect("a");
    client.stall();
    job.push({ data: 2 });
    await clock.flush();
    for (let n = 3; n <= 10; n++) job.push({ data: n });
    client.drain();
    expect(client.events).toEqual([1, 2, 8, 9, 10]);
    expect(client.blocks.find(([event]) => event === "stream.reset")).toEqual([
      "stream.reset",
      `${job.epoch}.7`,
      { reason: "trimmed", lost: [3, 7] },
    ]);
  });

  test("a client of a channel without a cursor gets what is pushed from now on", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const channel = registry.channel("lobby");
    channel.push({ data: "before" });
    const clients = [connect(channel), connect("lobby")];
    channel.push({ data: "now" });
    await clock.flush();
    expect(clients.map(({ events }) => events)).toEqual([["now"], ["now"]]);
  });

  test.each(["the registry", "the reference", "the call"])(
    'with `from: "start"` of %s, it gets what is held, without a reset',
    (where) => {
      const from = { from: "start" } as const;
      const options = { buffer: { events: 3 }, ...(where === "the registry" && from) };
      const { registry, connect } = createTestRegistry(options);
      const channel = registry.channel("lobby");
      for (let n = 1; n <= 10; n++) channel.push({ data: n });
      const source = where === "the reference" ? registry.stream("lobby", from) : channel;
      const client = connect(source, where === "the call" ? { serve: from } : {});
      expect(client.events).toEqual([8, 9, 10]);
      expect(client.text).not.toContain("stream.reset");
    },
  );
});

describe("the end of a stream", () => {
  test.each(["done", "failed", "cancelled"] as const)(
    "with the status %s is sent to clients that connect later",
    async (status) => {
      const { registry, clock, connect } = createTestRegistry();
      const job = await registry.open("a");
      job.push({ data: 1 });
      if (status === "done") await job.end();
      else if (status === "failed") await job.fail(new Error("the database password is hunter2"));
      else await registry.cancel("a");
      const client = connect("a");
      await clock.flush();
      expect(client.blocks[0]?.[2]).toEqual({ state: "ended", first: 1, last: 1, heartbeat: 15_000 });
      expect(client.events).toEqual([1]);
      expect(client.text).not.toContain("stream.live");
      expect(client.text).not.toContain("hunter2");
      expect(client.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.2.end`, { status }]);
      expect(client.state).toBe("flushed");
      await client.over;
    },
  );

  test("after a failure is one frame of `stream.error` and `stream.end`, also for clients that connect later", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    await job.fail(new Error("internal"));
    expect(connect("a").text).toContain(
      `event: stream.error\ndata: {"code":"SOURCE_FAILED","message":"The stream failed.","retryable":false}\n\n` +
        `event: stream.end\nid: ${job.epoch}.1.end\ndata: {"status":"failed"}\n\n`,
    );
  });

  test("is sent to every client, whatever its cursor", async () => {
    const { registry, connect } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end();
    for (const cursor of [`${job.epoch}.1`, "zzzzzzzzzz.7", "?"]) {
      expect(connect("a", { cursor }).text).toContain("event: stream.end\n");
    }
  });

  test("has an id that is answered with 204, without a look-up", async () => {
    const { registry, connect, observed } = createTestRegistry();
    await registry.open("a");
    for (const id of ["a", "unknown", "b"]) {
      const client = connect(id, { cursor: "abcdefghij.3.end" });
      expect(client.status).toBe(204);
      expect(client.headers).toEqual({ "cache-control": "no-store" });
      expect(client.text).toBe("");
    }
    expect(observed.connectionOpened).toEqual([]);
  });

  test("is held for `linger`, then the stream is forgotten", async () => {
    const { registry, clock } = createTestRegistry();
    const job = await registry.open("a");
    await job.end();
    await clock.advance(59_999);
    expect(registry.get("a")?.status).toBe("done");
    await clock.advance(1);
    expect(registry.get("a")).toBeUndefined();
    expect(registry.size).toBe(0);
    expect(clock.timers).toBe(0);
  });
});

describe("errors that do not end the stream", () => {
  test("are sent to each reader once, to new clients until the next event, and are not part of the log", async () => {
    const { HoldfastError } = await import("../../src/base/errors.ts");
    const { registry, clock, connect } = createTestRegistry();
    const job = await registry.open("a");
    const early = connect("a");
    const latch = createLatch();
    const piped = job.pipe(async function* () {
      yield { data: 1 };
      yield new HoldfastError("SOURCE_FAILED", "The database is away.", {
        retryable: true,
        retryAfter: 2_000,
      });
      await new Promise<void>((resolve) => latch.defer(() => resolve()));
      yield { data: 2 };
    });
    await clock.flush();
    const late = connect("a");
    latch.close();
    await piped;
    await clock.flush();
    const afterwards = connect("a");
    const error = [
      "stream.error",
      undefined,
      expect.objectContaining({ retryable: true, retryAfter: 2_000 }),
    ];
    for (const client of [early, late]) {
      expect(client.blocks.filter(([event]) => event === "stream.error")).toEqual([error]);
      expect(client.events).toEqual([1, 2]);
    }
    expect(early.text).toContain("event: stream.error\nretry: 2000\n");
    expect(afterwards.text).not.toContain("stream.error");
  });
});

describe("without control events", () => {
  test("only their `id:` and `retry:` lines are sent: nothing is dispatched, and the cursor still moves", async () => {
    const { registry, clock, connect } = createTestRegistry({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    const client = connect("a", { serve: { control: false } });
    await job.fail(new Error("no"));
    await clock.flush();
    expect(client.text).toBe(
      `retry: 1500\n\nid: ${job.epoch}.1\n\nid: ${job.epoch}.2\ndata: 2\n\nid: ${job.epoch}.3\ndata: 3\n\n` +
        `id: ${job.epoch}.4.end\n\n`,
    );
  });
});

describe("requests that are not served from a stream", () => {
  test.each(["", "x".repeat(257), "a\nb", "a\u0000b", "\u009f"])(
    "an invalid id %j is answered with 404",
    (id) => {
      const { connect, observed } = createTestRegistry();
      const client = connect(id === "" ? createTestRegistry().registry.stream("") : id);
      expect([client.status, client.state]).toEqual([404, "flushed"]);
      expect(observed.connectionOpened).toEqual([]);
    },
  );

  test("HEAD is answered with the headers, and registers nothing", async () => {
    const { registry, connect } = createTestRegistry();
    await registry.open("a");
    const client = connect("a", { method: "HEAD" });
    expect([client.status, client.state, client.text]).toEqual([200, "flushed", ""]);
    expect(client.headers["content-type"]).toBe("text/event-stream");
    expect(registry.gauges().connections).toBe(0);
  });

  test("a client that left before the handler ran is not registered, and has no timer", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const client = createMemoryClient();
    client.leave();
    await serve(client.request, client.open, registry.stream("a"));
    expect(client.status).toBe(499);
    expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
    expect(clock.timers).toBe(0);
    expect(observed.connectionOpened).toEqual([]);
  });

  test("an adapter whose `open` throws leaves nothing behind", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const { request } = createMemoryClient();
    const failing = serve(
      request,
      () => {
        throw new Error("headers sent");
      },
      registry.stream("a"),
    );
    await expect(failing).rejects.toThrow("headers sent");
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    expect(clock.timers).toBe(0);
    expect(observed.connectionClosed).toHaveLength(1);
  });
});
