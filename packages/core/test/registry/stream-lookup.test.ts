import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { type Database, createDatabase } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const WAITING = ["stream.open", undefined, { state: "waiting", first: null, last: null, heartbeat: 15_000 }];
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

/** A registry with a database whose queries the test answers. */
function createRegistryWithDatabase(options: RegistryOptions = {}): TestRegistry & { readonly db: Database } {
  const db = createDatabase();
  return { ...createTestRegistry({ random: Math.random, snapshot: db.snapshot, ...options }), db };
}

const eventNames = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

/** The cursor with which the client reconnects. */
function cursorOf(client: TestClient): { cursor: string } {
  return { cursor: Array.from(client.text.matchAll(/^id: (.*)$/gm), ([, id]) => id).at(-1) as string };
}

function expectEmpty({ registry, clock }: TestRegistry): void {
  expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
  expect(clock.timers).toBe(0);
}

describe("a client that connects before its stream exists", () => {
  test("gets headers and heartbeats, and then the stream from its first event, whatever `from` says", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect(registry.stream("a", { from: "now" }));
    expect([client.status, client.blocks]).toEqual([200, [WAITING]]);
    await clock.advance(30_000);
    expect(client.text.split(":\n\n")).toHaveLength(3);
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    expect(client.blocks.slice(1)).toEqual([
      ["stream.open", `${job.epoch}.0`, { state: "live", first: 1, last: 0, heartbeat: 15_000 }],
      ["stream.live", undefined, {}],
      ["message", `${job.epoch}.1`, 1],
    ]);
    expect(registry.gauges().waiting).toBe(0);
  });

  test("keeps its stream, even if another one takes the id in the same turn", async () => {
    const { registry, clock, connect } = createTestRegistry({ random: Math.random });
    const client = connect("a");
    const first = await registry.open("a");
    first.push({ data: "first" });
    await first.end();
    const second = await registry.open("a");
    second.push({ data: "second" });
    await clock.flush();
    expect(client.events).toEqual(["first"]);
    expect(client.blocks.at(-1)).toEqual(["stream.end", `${first.epoch}.2.end`, { status: "done" }]);
  });

  test("gets all held events of a stream that was opened and ended while it waited, even with `linger: 0`", async () => {
    const { registry, clock, connect } = createTestRegistry({ linger: 0 });
    const client = connect("a");
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    await clock.advance(0);
    expect(registry.size).toBe(0);
    expect(client.events).toEqual([1, 2]);
    expect(eventNames(client).at(-1)).toBe("stream.end");
  });

  test("is asked to reconnect after `wait`, and then waits again", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    for (let n = 0; n < 3; n++) {
      const client = connect("a");
      await clock.advance(89_999);
      expect(client.state).toBe("open");
      await clock.advance(1);
      expect(client.blocks).toEqual([WAITING, ["stream.drain", undefined, { reason: "waiting" }]]);
      expect(client.state).toBe("flushed");
    }
    expect(observed.connectionClosed.map(({ reason }) => reason)).toEqual(["waiting", "waiting", "waiting"]);
    const client = connect("a");
    const job = await registry.open("a");
    await job.end({ data: "late" });
    await clock.flush();
    expect(client.events).toEqual(["late"]);
    expect(client.text).not.toContain("stream.error");
  });

  test("and takes nothing is cut after `idleTimeout`, at any fraction of a millisecond", async () => {
    const { clock, connect } = createTestRegistry({ idleTimeout: 500, heartbeat: 100 });
    await clock.advance(0.3);
    const client = connect("a");
    client.stall();
    await clock.advance(100);
    expect([client.held, clock.now()]).toEqual([true, 100.3]);
    // Rounding makes the difference smaller than what was added.
    expect(100.3 + 500 - 100.3).toBeLessThan(500);
    await clock.advance(500);
    expect(client.state).toBe("destroyed");
  });

  test("and leaves while it waits leaves nothing behind", async () => {
    const fixture = createTestRegistry();
    const client = fixture.connect("a");
    client.leave();
    await client.over;
    expectEmpty(fixture);
    expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  });

  describe("counts against `maxWaiting`", () => {
    test("once it was sent `waiting`, until it reads its stream", async () => {
      const { registry, clock, connect } = createTestRegistry({ maxWaiting: 2 });
      await registry.open("real");
      const waiting = [connect("a"), connect("b")];
      expect(registry.gauges().waiting).toBe(2);
      const third = connect("c");
      expect(third.blocks).toEqual([["stream.drain", undefined, { reason: "busy" }]]);
      expect(connect("real").state).toBe("open");
      await registry.open("a");
      await clock.flush();
      expect(registry.gauges().waiting).toBe(1);
      expect(connect("c").state).toBe("open");
      waiting[1]?.leave();
      expect(connect("d").state).toBe("open");
      expect(registry.gauges()).toMatchObject({ waiting: 2, connections: 4 });
    });

    test("but not while the first query may still say that there is no such stream", async () => {
      const { registry, clock, connect, db } = createRegistryWithDatabase({ maxWaiting: 1 });
      const clients = [connect("a"), connect("b"), connect("c")];
      expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 3 });
      db.queries[0]?.answer(undefined);
      db.queries[1]?.answer({ state: "pending" });
      db.queries[2]?.answer({ state: "pending" });
      await clock.flush();
      expect(clients.map(({ status }) => status)).toEqual([404, 200, 200]);
      expect(clients.slice(1).map(eventNames)).toEqual([["stream.open"], ["stream.drain"]]);
    });

    test("and gets a 503 over the limit with `overload: refuse`, also after a second without an answer", async () => {
      const fixture = createRegistryWithDatabase({ maxWaiting: 1, overload: "refuse" });
      const [first, second] = [fixture.connect("a"), fixture.connect("b")];
      await fixture.clock.advance(1_000);
      expect([first.status, second.status]).toEqual([200, 503]);
      expect(second.headers).toMatchObject({ "retry-after": expect.any(String) });
      first.leave();
      await fixture.clock.flush();
      expectEmpty(fixture);
    });

    test("unless it is a subscriber in the same process", async () => {
      const { registry, clock, connect } = createTestRegistry({ maxWaiting: 1 });
      const subscriptions = Array.from({ length: 5 }, () => registry.subscribe("a"));
      const first = subscriptions.map((subscription) => subscription.next());
      expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 0 });
      expect(connect("a").state).toBe("open");
      expect(eventNames(connect("b"))).toEqual(["stream.drain"]);
      const more = registry.subscribe("a").next();
      const job = await registry.open("a");
      job.push({ data: 1 });
      await clock.flush();
      for (const message of [...first, more]) expect((await message).value).toMatchObject({ data: "1" });
    });
  });
});

describe("the status", () => {
  test("waits for the first answer of the database: a finished result is replayed at once", async () => {
    const { clock, connect, db, observed } = createRegistryWithDatabase();
    const client = connect("a");
    await clock.advance(999);
    expect(client.status).toBeUndefined();
    db.lastQuery.answer({ state: "done", events: [{ event: "done", data: { text: "all" } }] });
    await clock.flush();
    const epoch = client.blocks[0]?.[1]?.slice(0, 10);
    expect(client.blocks).toEqual([
      ["stream.open", `${epoch}.0`, { state: "ended", first: 1, last: 1, heartbeat: 15_000 }],
      ["done", `${epoch}.1`, { text: "all" }],
      ["stream.end", `${epoch}.2.end`, { status: "done" }],
    ]);
    expect([client.status, client.state]).toEqual([200, "flushed"]);
    expect(observed.connectionClosed).toMatchObject([{ reason: "ended", events: 1 }]);
  });

  test.each([undefined, null])(
    "is 404 if there is no such row (%j), and nothing is registered",
    async (nothing) => {
      const fixture = createRegistryWithDatabase();
      const client = fixture.connect("a");
      await fixture.clock.advance(999);
      fixture.db.lastQuery.answer(nothing);
      await fixture.clock.flush();
      expect([client.status, client.text, client.headers]).toEqual([
        404,
        "",
        { "cache-control": "no-store" },
      ]);
      expect(fixture.observed.connectionOpened).toEqual([]);
      await client.over;
      expectEmpty(fixture);
    },
  );

  test("is never 404 because of a row that was missing before the client came", async () => {
    const { clock, connect, db } = createRegistryWithDatabase();
    const early = connect("a");
    db.lastQuery.answer(undefined);
    await clock.flush();
    expect(early.status).toBe(404);
    const first = connect("a");
    const second = connect("a");
    expect(db.queries).toHaveLength(2);
    // This query began before the second client came: the row may exist by now.
    db.lastQuery.answer(undefined);
    await clock.advance(0);
    expect([first.status, second.status, db.queries.length]).toEqual([404, undefined, 3]);
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect(second.events).toEqual(["all"]);
  });

  test("is 200 if the row comes before the client has taken what says that it is missing", async () => {
    const { clock, connect, db } = createRegistryWithDatabase();
    const client = connect("a");
    client.stall();
    await clock.advance(1_000);
    db.lastQuery.answer(undefined);
    await clock.advance(2_400);
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    client.drain();
    expect([client.events, eventNames(client).at(-1)]).toEqual([["all"], "stream.end"]);
    expect(client.text).not.toContain("GONE");
  });

  test("is 200 after a second without an answer, and GONE is then sent in the stream", async () => {
    const fixture = createRegistryWithDatabase();
    const client = fixture.connect("a");
    await fixture.clock.advance(1_000);
    expect([client.status, client.blocks]).toEqual([200, [WAITING]]);
    fixture.db.lastQuery.answer(undefined);
    await fixture.clock.flush();
    const [, error, end] = client.blocks;
    expect(error).toEqual([
      "stream.error",
      undefined,
      { code: "GONE", message: expect.any(String), retryable: false },
    ]);
    expect(end).toEqual(["stream.end", expect.stringMatching(/^[0-9a-z]{10}\.0\.end$/), { status: "lost" }]);
    expect(client.state).toBe("flushed");
    const back = fixture.connect("a", cursorOf(client));
    expect(back.status).toBe(204);
    await fixture.clock.advance(2_000);
    expectEmpty(fixture);
  });

  test("is sent at once when the stream is opened during the query, which is aborted", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase();
    const client = connect("a");
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
    expect(eventNames(client)).toEqual(["stream.open", "stream.live", "message"]);
    expect(db.lastQuery.signal.aborted).toBe(true);
    db.lastQuery.answer(undefined);
    await clock.advance(10_000);
    expect([client.state, db.queries.length]).toEqual(["open", 1]);
  });

  test("is sent without a query if the stream is in this process and has what the client needs", async () => {
    const { registry, connect, db } = createRegistryWithDatabase();
    const job = await registry.open("a");
    job.push({ data: 1 });
    registry.channel("room").push({ data: 1 });
    expect(connect("a").events).toEqual([1]);
    expect(connect("a", { cursor: `${job.epoch}.0` }).events).toEqual([1]);
    expect(connect(registry.stream("a", { from: "now" })).events).toEqual([]);
    expect(connect(registry.stream("room", { from: "start" })).events).toEqual([1]);
    expect(db.queries).toEqual([]);
  });

  test("needs no query for an invalid id, for HEAD, for a terminal cursor, or for a client that has left", async () => {
    const fixture = createRegistryWithDatabase();
    const gone = { method: "GET", cursor: undefined, signal: AbortSignal.abort() };
    expect(fixture.connect("").status).toBe(404);
    expect(fixture.connect("a", { method: "HEAD" }).status).toBe(200);
    expect(fixture.connect("a", { cursor: "0123456789.3.end" }).status).toBe(204);
    const client = fixture.connect("b");
    client.leave();
    const { serve } = await import("../../src/connection/serve.ts");
    const statuses: number[] = [];
    await serve(
      gone,
      (status, _headers, events) => {
        statuses.push(status);
        const closed = (): void => events.closed();
        return { write: () => false, close: closed, cut: closed, destroy: closed };
      },
      fixture.registry.stream("c"),
    );
    expect(statuses).toEqual([499]);
    expect(fixture.db.queries.map(({ id }) => id)).toEqual(["b"]);
    expectEmpty(fixture);
  });
});

describe("a client that leaves", () => {
  test("before the answer gets a 499, has its query aborted, and leaves nothing behind", async () => {
    const fixture = createRegistryWithDatabase();
    const [first, second] = [fixture.connect("a"), fixture.connect("a")];
    first.leave();
    expect([first.status, fixture.db.lastQuery.signal.aborted]).toEqual([499, false]);
    second.leave();
    expect([second.status, fixture.db.lastQuery.signal.aborted]).toEqual([499, true]);
    await Promise.all([first.over, second.over]);
    expectEmpty(fixture);
    expect(getEventListeners(second.request.signal, "abort")).toEqual([]);
    fixture.db.lastQuery.answer({ state: "running" });
    await fixture.clock.flush();
    expect(fixture.observed).toMatchObject({
      connectionOpened: [],
      connectionClosed: [],
      warned: [],
      failed: [],
    });
  });

  test("while it waits ends the queries", async () => {
    const fixture = createRegistryWithDatabase();
    const client = fixture.connect("a");
    fixture.db.lastQuery.answer({ state: "pending" });
    await fixture.clock.advance(2_400);
    client.leave();
    expect([fixture.db.queries.length, fixture.db.lastQuery.signal.aborted]).toEqual([2, true]);
    await fixture.clock.advance(2_000);
    expectEmpty(fixture);
  });
});

describe("a registry that closes", () => {
  const moments: [
    string,
    (fixture: TestRegistry & { readonly db: Database }) => Promise<unknown> | undefined,
  ][] = [
    ["before the first answer", () => undefined],
    ["when the status is sent without an answer", ({ clock }) => clock.advance(1_000)],
    [
      "while a client waits",
      async ({ clock, db }) => {
        db.lastQuery.answer({ state: "pending" });
        await clock.advance(500);
      },
    ],
    [
      "during a later query",
      async ({ clock, db }) => {
        db.lastQuery.answer({ state: "pending" });
        await clock.advance(2_000);
      },
    ],
    [
      "during an outage",
      async ({ clock, db }) => {
        db.lastQuery.fail(new Error("down"));
        await clock.flush();
      },
    ],
  ];

  test.each(moments)("%s drains the client and holds nothing", async (_when, wait) => {
    const fixture = createRegistryWithDatabase();
    const subscription = fixture.registry.subscribe("b").next();
    subscription.catch(() => undefined);
    const client = fixture.connect("a");
    await wait(fixture);
    const closed = fixture.registry.close();
    expect([client.status, client.state, eventNames(client).at(-1)]).toEqual([
      200,
      "flushed",
      "stream.drain",
    ]);
    await closed;
    await expect(subscription).rejects.toEqual(code("REGISTRY_CLOSED"));
    expectEmpty(fixture);
    for (const { signal, answer } of fixture.db.queries) {
      if (!signal.aborted) continue;
      answer({ state: "pending" });
    }
    await fixture.clock.flush();
    expectEmpty(fixture);
    const { length } = fixture.db.queries;
    expect(eventNames(fixture.connect("a"))).toEqual(["stream.drain"]);
    expect(fixture.db.queries).toHaveLength(length);
  });
});

describe("the database is queried for a client that waits", () => {
  test("every 2 s, once for all clients, until it has the result", async () => {
    const { clock, connect, db, observed } = createRegistryWithDatabase();
    const clients = [connect("a"), connect("a")];
    for (let n = 1; n <= 3; n++) {
      expect(db.queries).toHaveLength(n);
      db.lastQuery.answer({ state: "pending" });
      await clock.advance(2_400);
    }
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    for (const client of clients) {
      expect(client.events).toEqual(["all"]);
      expect(eventNames(client)).toEqual(["stream.open", "stream.open", "message", "stream.end"]);
    }
    await clock.advance(100_000);
    expect([db.queries.length, clock.timers, observed.warned]).toEqual([4, 0, []]);
  });

  test("until its stream is opened", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase();
    const client = connect("a");
    db.lastQuery.answer({ state: "pending" });
    await clock.advance(500);
    const job = await registry.open("a");
    await job.end({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
    await clock.advance(10_000);
    expect(db.queries).toHaveLength(1);
  });

  test("for 120 s after it says `running`, with one warning and no error", async () => {
    const { clock, connect, db, observed } = createRegistryWithDatabase({ wait: 5_000, random: () => 0.5 });
    const client = connect("a");
    db.lastQuery.answer({ state: "pending" });
    await clock.advance(2_000);
    for (let at = 2_000; at < 122_000; at += 2_000) {
      db.lastQuery.answer({ state: "running" });
      await clock.advance(1_999);
      expect(client.state).toBe("open");
      await clock.advance(1);
    }
    expect(client.blocks).toEqual([WAITING, ["stream.drain", undefined, { reason: "waiting" }]]);
    expect(observed).toMatchObject({ warned: [{ id: "a" }], failed: [] });
  });
});

describe("an outage of the database", () => {
  test("is reported to each client once and at once, and so is the next outage after a recovery", async () => {
    const { clock, connect, db, observed } = createRegistryWithDatabase({ random: () => 0.5 });
    const client = connect("a");
    const error = [
      "stream.error",
      undefined,
      {
        code: "SNAPSHOT_FAILED",
        message: "The stream could not be looked up.",
        retryable: true,
        retryAfter: 500,
      },
    ];
    for (const wait of [500, 1_000, 2_000]) {
      db.lastQuery.fail(new Error("down"));
      await clock.advance(wait);
    }
    expect([client.status, client.blocks]).toEqual([200, [WAITING, error]]);
    expect(client.text).toContain("event: stream.error\nretry: 500\n");
    // A client that connects now gets the error with the next failure.
    const second = connect("a");
    db.lastQuery.fail(new Error("down"));
    await clock.flush();
    expect([second.blocks, client.blocks]).toEqual([
      [WAITING, expect.arrayContaining(["stream.error"])],
      [WAITING, error],
    ]);
    await clock.advance(4_000);
    db.lastQuery.answer({ state: "pending" });
    await clock.advance(2_000);
    db.lastQuery.fail(new Error("down again"));
    await clock.advance(500);
    expect(client.blocks).toEqual([WAITING, error, error]);
    expect(observed.failed).toHaveLength(5);
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([client.events, second.events]).toEqual([["all"], ["all"]]);
  });

  test("does not keep a client from a stream in this process: a reset names what is missing", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const client = connect("a");
    db.lastQuery.fail(new Error("down"));
    await clock.flush();
    expect(client.blocks.slice(1)).toEqual([
      ["stream.reset", `${job.epoch}.3`, { reason: "trimmed", lost: [1, 3] }],
      ["message", `${job.epoch}.4`, 4],
      ["message", `${job.epoch}.5`, 5],
      ["stream.live", undefined, {}],
    ]);
  });

  test("is reported to a client that takes nothing when it takes bytes again", async () => {
    const { clock, connect, db } = createRegistryWithDatabase();
    const client = connect("a");
    client.stall();
    await clock.advance(1_000);
    db.lastQuery.fail(new Error("down"));
    await clock.flush();
    expect(eventNames(client)).toEqual(["stream.open"]);
    client.drain();
    expect(eventNames(client)).toEqual(["stream.open", "stream.error"]);
  });
});

describe("a stream in this process that does not have what the client needs", () => {
  /** A live stream of five events, of which the last two are held. */
  async function trimmedStream() {
    const fixture = createRegistryWithDatabase({ buffer: { events: 2 } });
    const job = await fixture.registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    return { ...fixture, job };
  }

  const RESET = ["stream.reset", "trimmed"];
  const summary = (client: TestClient): unknown[] =>
    client.blocks.map(([event, , data]) =>
      event === "stream.reset"
        ? [event, (data as { reason: string }).reason]
        : event.startsWith("stream.")
          ? event
          : data,
    );

  test("is replaced by a finished snapshot", async () => {
    const { clock, connect, db, job } = await trimmedStream();
    const clients = [connect("a"), connect("a", { cursor: `${job.epoch}.1` })];
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect(clients.map(summary)).toEqual([
      ["stream.open", "all", "stream.end"],
      ["stream.open", ["stream.reset", "epoch"], "all", "stream.end"],
    ]);
  });

  test("is continued after a running snapshot", async () => {
    const { clock, connect, db, job } = await trimmedStream();
    const clients = [
      connect("a"),
      connect("a", { cursor: `${job.epoch}.1` }),
      connect("a", { cursor: "nonsense" }),
      connect("a", { cursor: "0123456789.3" }),
      connect("a", { cursor: `${job.epoch}.9` }),
    ];
    db.lastQuery.answer({
      state: "running",
      at: `${job.epoch}.4`,
      events: [{ event: "state", data: "sum to 4" }],
    });
    await clock.flush();
    job.push({ data: 6 });
    await clock.flush();
    expect(clients.map(summary)).toEqual([
      ["stream.open", "sum to 4", 5, "stream.live", 6],
      ["stream.open", ["stream.reset", "trimmed"], "sum to 4", 5, "stream.live", 6],
      ["stream.open", ["stream.reset", "invalid"], "sum to 4", 5, "stream.live", 6],
      ["stream.open", ["stream.reset", "epoch"], "sum to 4", 5, "stream.live", 6],
      ["stream.open", ["stream.reset", "ahead"], "sum to 4", 5, "stream.live", 6],
    ]);
  });

  test.each<[string, (epoch: string) => Snapshot<AnyEvents> | undefined]>([
    ["pending", () => ({ state: "pending" })],
    ["not in the database", () => undefined],
    ["running without a position", () => ({ state: "running", events: [{ data: "state" }] })],
    [
      "running too far back",
      (epoch) => ({ state: "running", at: `${epoch}.2`, events: [{ data: "state" }] }),
    ],
    ["running ahead of it", (epoch) => ({ state: "running", at: `${epoch}.6`, events: [{ data: "state" }] })],
    [
      "running in another epoch",
      () => ({ state: "running", at: "0123456789.4", events: [{ data: "state" }] }),
    ],
  ])("is sent with a reset if the stream is %s", async (_how, snapshot) => {
    const { clock, connect, db, job, observed } = await trimmedStream();
    const client = connect("a");
    db.lastQuery.answer(snapshot(job.epoch));
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", RESET, 4, 5, "stream.live"]);
    expect(observed.warned).toEqual([]);
  });

  test("is not replaced by the answer if it was opened during the query", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase();
    const old = await registry.open("a");
    await old.end();
    const client = connect("a", { cursor: "0123456789.3" });
    const fresh = await registry.open("a");
    fresh.push({ data: "fresh" });
    db.lastQuery.answer({ state: "done", events: [{ data: "from the database" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", ["stream.reset", "epoch"], "stream.live", "fresh"]);
  });

  test("is not replaced by the answer if it has reached the client's cursor during the query", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase();
    const job = await registry.open("a");
    const client = connect("a", { cursor: `${job.epoch}.2` });
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    db.lastQuery.answer({ state: "done", events: [{ data: "from the database" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", 3, "stream.live"]);
  });

  test("is replaced by the answer if it was forgotten during the query", async () => {
    const { registry, clock, connect, db } = createRegistryWithDatabase({
      linger: 100,
      buffer: { events: 1 },
    });
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    const client = connect("a");
    await clock.advance(100);
    expect(registry.size).toBe(0);
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", "all", "stream.end"]);
  });
});

describe("a finished result", () => {
  const done: Snapshot<AnyEvents> = {
    state: "done",
    events: Array.from({ length: 50 }, (_, n) => ({ event: "token", data: n })),
  };

  test("is resumed in any process, and ends with a 204", async () => {
    const processes = [
      createTestRegistry({ snapshot: () => done }),
      createTestRegistry({ snapshot: () => done, random: Math.random }),
    ];
    const [first, second] = processes as [TestRegistry, TestRegistry];
    const client = first.connect("a");
    await first.clock.flush();
    for (const { clock, connect } of processes) {
      for (const seq of [0, 1, 17, 49, 50]) {
        const cursor = `${cursorOf(client).cursor.slice(0, 10)}.${seq}`;
        const back = connect("a", { cursor });
        await clock.flush();
        expect(back.blocks[0]?.[1]).toBe(cursor);
        expect(back.events).toEqual(client.events.slice(seq));
        expect(eventNames(back).at(-1)).toBe("stream.end");
      }
    }
    expect(second.connect("a", cursorOf(client)).status).toBe(204);
  });

  test("that has changed is sent again after a reset", async () => {
    let events = [{ data: "one" }, { data: "two" }];
    const { clock, connect } = createTestRegistry({ snapshot: () => ({ state: "done", events }) });
    const client = connect("a");
    await clock.flush();
    events = [{ data: "one" }, { data: "three" }];
    await clock.advance(2_000);
    const back = connect("a", { cursor: `${cursorOf(client).cursor.slice(0, 10)}.1` });
    await clock.flush();
    expect(eventNames(back)).toEqual(["stream.open", "stream.reset", "message", "message", "stream.end"]);
    expect(back.blocks[1]?.[2]).toEqual({ reason: "epoch", lost: null });
    expect(back.events).toEqual(["one", "three"]);
  });

  test("is sent completely to a client with `from: now`", async () => {
    const { registry, clock, connect } = createTestRegistry({ snapshot: () => done });
    const client = connect(registry.stream("a", { from: "now" }));
    await clock.flush();
    expect(client.events).toHaveLength(50);
  });

  test("is sent only as fast as the client takes it", async () => {
    const events = Array.from({ length: 300 }, (_, n) => ({ data: `${n} ${"x".repeat(1_000)}` }));
    const { clock, connect } = createTestRegistry({ snapshot: () => ({ state: "done", events }) });
    const client = connect("a");
    client.stall();
    await clock.flush();
    expect(client.events.length).toBeLessThan(100);
    client.drain();
    expect(client.events).toHaveLength(300);
    expect(client.state).toBe("flushed");
  });

  test.each(["failed", "cancelled"] as const)("that has %s ends with this status", async (state) => {
    const { registry, clock, connect } = createTestRegistry({
      snapshot: () => ({ state, events: [{ data: "why" }] }),
    });
    const client = connect("a");
    await clock.flush();
    expect(client.blocks.slice(1).map(([event, , data]) => [event, data])).toEqual([
      ["message", "why"],
      ["stream.end", { status: state }],
    ]);
    const reading = Array.fromAsync(registry.subscribe("a"));
    const expected = { failed: "SOURCE_FAILED", cancelled: "CANCELLED" }[state];
    await expect(reading).rejects.toEqual(code(expected));
  });
});

describe("a subscriber in the same process", () => {
  test("gets the snapshot, and GONE if there is no such stream", async () => {
    const { registry, clock, db } = createRegistryWithDatabase();
    const messages = Array.fromAsync(registry.subscribe("a"));
    db.lastQuery.answer({ state: "done", events: [{ event: "done", data: 1 }] });
    expect(await messages).toMatchObject([{ event: "done", data: "1" }]);
    for (const wait of [0, 4_000]) {
      const gone = registry.subscribe(`b${wait}`).next();
      gone.catch(() => undefined);
      await clock.advance(wait);
      db.lastQuery.answer(undefined);
      await expect(gone).rejects.toEqual(code("GONE"));
    }
  });

  test("gets all events of a running snapshot, each with the id to resume from", async () => {
    const { registry, clock, db } = createRegistryWithDatabase({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const resets: unknown[] = [];
    const onReset = (reset: unknown): unknown => resets.push(reset);
    const cursor = `${job.epoch}.1`;
    const [fresh, back] = [{ onReset }, { cursor, onReset }].map((own) =>
      Array.fromAsync(registry.subscribe("a", own)),
    );
    db.lastQuery.answer({ state: "running", at: `${job.epoch}.4`, events: [{ data: "a" }, { data: "b" }] });
    await clock.flush();
    await job.end();
    await clock.flush();
    const rest = [
      { id: `${job.epoch}.4`, event: "message", data: "b" },
      { id: `${job.epoch}.5`, event: "message", data: "5" },
    ];
    expect(await fresh).toEqual([{ id: "", event: "message", data: "a" }, ...rest]);
    expect(await back).toEqual([{ id: cursor, event: "message", data: "a" }, ...rest]);
    expect(resets).toEqual([{ reason: "trimmed", lost: null }]);
    // The empty cursor, which stands before every id, means the beginning.
    const again = await Array.fromAsync(registry.subscribe("a", { cursor: "", onReset }));
    expect(again.map(({ data }) => data)).toEqual(["a", "b", "5"]);
    expect(resets).toHaveLength(1);
  });
});

describe("a channel", () => {
  test("can be read by its id like a stream, and serves clients that wait for it", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("room");
    registry.channel("room").push({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
  });
});

test("`snapshot` and `source` must be functions", () => {
  expect(() => createTestRegistry({ snapshot: {} as never })).toThrow(code("INVALID_OPTION") as Error);
  expect(() => createTestRegistry({ source: "a" as never })).toThrow(code("INVALID_OPTION") as Error);
});
