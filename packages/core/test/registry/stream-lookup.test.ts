import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { type Database, database } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const WAITING = ["stream.open", undefined, { state: "waiting", first: null, last: null, heartbeat: 15_000 }];
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

/** A registry with a database that the test answers for. */
function asked(options: RegistryOptions = {}): TestRegistry & { readonly db: Database } {
  const db = database();
  return { ...createTestRegistry({ random: Math.random, snapshot: db.snapshot, ...options }), db };
}

const names = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

/** The id that a client comes back with. */
function cursorOf(client: TestClient): { cursor: string } {
  return { cursor: Array.from(client.text.matchAll(/^id: (.*)$/gm), ([, id]) => id).at(-1) as string };
}

function expectEmpty({ registry, clock }: TestRegistry): void {
  expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
  expect(clock.timers).toBe(0);
}

describe("a client that comes early", () => {
  test("has its headers and heartbeats at once, and then the stream from its first event, whatever `from` says", async () => {
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

  test("keeps the stream that it was found, whatever takes its id in the same turn", async () => {
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

  test("has all that fits of a stream that came and went while it waited, though nothing of it lingers", async () => {
    const { registry, clock, connect } = createTestRegistry({ linger: 0 });
    const client = connect("a");
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    await clock.advance(0);
    expect(registry.size).toBe(0);
    expect(client.events).toEqual([1, 2]);
    expect(names(client).at(-1)).toBe("stream.end");
  });

  test("is asked to come back after `wait`, and waits on when it does", async () => {
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

  test("and does not read is cut after `idleTimeout`, at whatever fraction of a millisecond", async () => {
    const { clock, connect } = createTestRegistry({ idleTimeout: 500, heartbeat: 100 });
    await clock.advance(0.3);
    const client = connect("a");
    client.stall();
    await clock.advance(100);
    expect([client.held, clock.now()]).toEqual([true, 100.3]);
    // Here a difference is less than what was added.
    expect(100.3 + 500 - 100.3).toBeLessThan(500);
    await clock.advance(500);
    expect(client.state).toBe("destroyed");
  });

  test("and is gone before the end of the wait leaves nothing", async () => {
    const place = createTestRegistry();
    const client = place.connect("a");
    client.leave();
    await client.over;
    expectEmpty(place);
    expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  });

  describe("is one of `maxWaiting`", () => {
    test("who were told so; who reads a stream is none of them", async () => {
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

    test("not while the look-up may still say that there is nothing", async () => {
      const { registry, clock, connect, db } = asked({ maxWaiting: 1 });
      const clients = [connect("a"), connect("b"), connect("c")];
      expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 3 });
      db.asked[0]?.answer(undefined);
      db.asked[1]?.answer({ state: "pending" });
      db.asked[2]?.answer({ state: "pending" });
      await clock.flush();
      expect(clients.map(({ status }) => status)).toEqual([404, 200, 200]);
      expect(clients.slice(1).map(names)).toEqual([["stream.open"], ["stream.drain"]]);
    });

    test("which is a 503 with `overload: refuse`, also after a second without an answer", async () => {
      const place = asked({ maxWaiting: 1, overload: "refuse" });
      const [first, second] = [place.connect("a"), place.connect("b")];
      await place.clock.advance(1_000);
      expect([first.status, second.status]).toEqual([200, 503]);
      expect(second.headers).toMatchObject({ "retry-after": expect.any(String) });
      first.leave();
      await place.clock.flush();
      expectEmpty(place);
    });

    test("and those in the same process are not counted", async () => {
      const { registry, clock, connect } = createTestRegistry({ maxWaiting: 1 });
      const subscriptions = Array.from({ length: 5 }, () => registry.subscribe("a"));
      const first = subscriptions.map((subscription) => subscription.next());
      expect(registry.gauges()).toMatchObject({ waiting: 0, connections: 0 });
      expect(connect("a").state).toBe("open");
      expect(names(connect("b"))).toEqual(["stream.drain"]);
      const more = registry.subscribe("a").next();
      const job = await registry.open("a");
      job.push({ data: 1 });
      await clock.flush();
      for (const message of [...first, more]) expect((await message).value).toMatchObject({ data: "1" });
    });
  });
});

describe("the status", () => {
  test("waits for what the database says: what is finished is replayed without a wait", async () => {
    const { clock, connect, db, observed } = asked();
    const client = connect("a");
    await clock.advance(999);
    expect(client.status).toBeUndefined();
    db.last.answer({ state: "done", events: [{ event: "done", data: { text: "all" } }] });
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
    "is 404 for what is not there (%j), and nothing is registered",
    async (nothing) => {
      const place = asked();
      const client = place.connect("a");
      await place.clock.advance(999);
      place.db.last.answer(nothing);
      await place.clock.flush();
      expect([client.status, client.text, client.headers]).toEqual([
        404,
        "",
        { "cache-control": "no-store" },
      ]);
      expect(place.observed.connectionOpened).toEqual([]);
      await client.over;
      // For a while the next one hears the same.
      expect([place.connect("a").status, place.db.asked.length]).toEqual([404, 1]);
      await place.clock.advance(2_000);
      expectEmpty(place);
    },
  );

  test("is 200 after a second without an answer; that there is nothing is then said in the stream", async () => {
    const place = asked();
    const client = place.connect("a");
    await place.clock.advance(1_000);
    expect([client.status, client.blocks]).toEqual([200, [WAITING]]);
    place.db.last.answer(undefined);
    await place.clock.flush();
    const [, error, end] = client.blocks;
    expect(error).toEqual([
      "stream.error",
      undefined,
      { code: "GONE", message: expect.any(String), retryable: false },
    ]);
    expect(end).toEqual([
      "stream.end",
      expect.stringMatching(/^[0-9a-z]{10}\.0\.end$/),
      { status: "failed" },
    ]);
    expect(client.state).toBe("flushed");
    const back = place.connect("a", cursorOf(client));
    expect(back.status).toBe(204);
    await place.clock.advance(2_000);
    expectEmpty(place);
  });

  test("is not waited for when the stream is opened meanwhile, and nobody asks on", async () => {
    const { registry, clock, connect, db } = asked();
    const client = connect("a");
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
    expect(names(client)).toEqual(["stream.open", "stream.live", "message"]);
    expect(db.last.signal.aborted).toBe(true);
    db.last.answer(undefined);
    await clock.advance(10_000);
    expect([client.state, db.asked.length]).toEqual(["open", 1]);
  });

  test("is not waited for at all when the stream is here and serves the client", async () => {
    const { registry, connect, db } = asked();
    const job = await registry.open("a");
    job.push({ data: 1 });
    registry.channel("room").push({ data: 1 });
    expect(connect("a").events).toEqual([1]);
    expect(connect("a", { cursor: `${job.epoch}.0` }).events).toEqual([1]);
    expect(connect(registry.stream("a", { from: "now" })).events).toEqual([]);
    expect(connect("room").events).toEqual([1]);
    expect(db.asked).toEqual([]);
  });

  test("needs no look-up for an impossible id, a HEAD, a terminal cursor, or a client that is gone", async () => {
    const place = asked();
    const gone = { method: "GET", cursor: undefined, signal: AbortSignal.abort() };
    expect(place.connect("").status).toBe(404);
    expect(place.connect("a", { method: "HEAD" }).status).toBe(200);
    expect(place.connect("a", { cursor: "0123456789.3.end" }).status).toBe(204);
    const client = place.connect("b");
    client.leave();
    const { serve } = await import("../../src/connection/serve.ts");
    const statuses: number[] = [];
    await serve(
      gone,
      (status, _headers, events) => {
        statuses.push(status);
        return { write: () => false, close: () => events.closed(), destroy: () => events.closed() };
      },
      place.registry.stream("c"),
    );
    expect(statuses).toEqual([499]);
    expect(place.db.asked.map(({ id }) => id)).toEqual(["b"]);
    expectEmpty(place);
  });
});

describe("a client that leaves", () => {
  test("before the answer gets a 499, its look-up is aborted, and nothing is left", async () => {
    const place = asked();
    const [first, second] = [place.connect("a"), place.connect("a")];
    first.leave();
    expect([first.status, place.db.last.signal.aborted]).toEqual([499, false]);
    second.leave();
    expect([second.status, place.db.last.signal.aborted]).toEqual([499, true]);
    await Promise.all([first.over, second.over]);
    expectEmpty(place);
    expect(getEventListeners(second.request.signal, "abort")).toEqual([]);
    place.db.last.answer({ state: "running" });
    await place.clock.flush();
    expect(place.observed).toMatchObject({
      connectionOpened: [],
      connectionClosed: [],
      warned: [],
      failed: [],
    });
  });

  test("while it waits ends the look-ups", async () => {
    const place = asked();
    const client = place.connect("a");
    place.db.last.answer({ state: "pending" });
    await place.clock.advance(2_400);
    client.leave();
    expect([place.db.asked.length, place.db.last.signal.aborted]).toEqual([2, true]);
    await place.clock.advance(2_000);
    expectEmpty(place);
  });
});

describe("a registry that closes", () => {
  const moments: [
    string,
    (place: TestRegistry & { readonly db: Database }) => Promise<unknown> | undefined,
  ][] = [
    ["before the first answer", () => undefined],
    ["when the first answer is due", ({ clock }) => clock.advance(1_000)],
    [
      "while a client waits",
      async ({ clock, db }) => {
        db.last.answer({ state: "pending" });
        await clock.advance(500);
      },
    ],
    [
      "while the poller asks",
      async ({ clock, db }) => {
        db.last.answer({ state: "pending" });
        await clock.advance(2_000);
      },
    ],
    [
      "in an outage",
      async ({ clock, db }) => {
        db.last.fail(new Error("down"));
        await clock.flush();
      },
    ],
  ];

  test.each(moments)("%s sends the client away and holds nothing", async (_when, wait) => {
    const place = asked();
    const subscription = place.registry.subscribe("b").next();
    subscription.catch(() => undefined);
    const client = place.connect("a");
    await wait(place);
    const closed = place.registry.close();
    expect([client.status, client.state, names(client).at(-1)]).toEqual([200, "flushed", "stream.drain"]);
    await closed;
    await expect(subscription).rejects.toEqual(code("REGISTRY_CLOSED"));
    expectEmpty(place);
    for (const { signal, answer } of place.db.asked) {
      if (!signal.aborted) continue;
      answer({ state: "pending" });
    }
    await place.clock.flush();
    expectEmpty(place);
    const { length } = place.db.asked;
    expect(names(place.connect("a"))).toEqual(["stream.drain"]);
    expect(place.db.asked).toHaveLength(length);
  });
});

describe("a client that waits is looked up for", () => {
  test("every 2 s, one call for all, until its result is there", async () => {
    const { clock, connect, db, observed } = asked();
    const clients = [connect("a"), connect("a")];
    for (let n = 1; n <= 3; n++) {
      expect(db.asked).toHaveLength(n);
      db.last.answer({ state: "pending" });
      await clock.advance(2_400);
    }
    db.last.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    for (const client of clients) {
      expect(client.events).toEqual(["all"]);
      expect(names(client)).toEqual(["stream.open", "stream.open", "message", "stream.end"]);
    }
    await clock.advance(100_000);
    expect([db.asked.length, clock.timers, observed.warned]).toEqual([4, 0, []]);
  });

  test("which `open` ends sooner", async () => {
    const { registry, clock, connect, db } = asked();
    const client = connect("a");
    db.last.answer({ state: "pending" });
    await clock.advance(500);
    const job = await registry.open("a");
    await job.end({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
    await clock.advance(10_000);
    expect(db.asked).toHaveLength(1);
  });

  test("for 120 s once it runs, with one warning, and no error", async () => {
    const { clock, connect, db, observed } = asked({ wait: 5_000, random: () => 0.5 });
    const client = connect("a");
    db.last.answer({ state: "pending" });
    await clock.advance(2_000);
    for (let at = 2_000; at < 122_000; at += 2_000) {
      db.last.answer({ state: "running" });
      await clock.advance(1_999);
      expect(client.state).toBe("open");
      await clock.advance(1);
    }
    expect(client.blocks).toEqual([WAITING, ["stream.drain", undefined, { reason: "waiting" }]]);
    expect(observed).toMatchObject({ warned: [{ id: "a" }], failed: [] });
  });
});

describe("an outage of the database", () => {
  test("is told once at once, then there is silence until it has recovered, and the next one is told again", async () => {
    const { clock, connect, db, observed } = asked({ random: () => 0.5 });
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
      db.last.fail(new Error("down"));
      await clock.advance(wait);
    }
    expect([client.status, client.blocks]).toEqual([200, [WAITING, error]]);
    expect(client.text).toContain("event: stream.error\nretry: 500\n");
    // Who comes now hears of it too, with the next failure.
    const second = connect("a");
    db.last.fail(new Error("down"));
    await clock.flush();
    expect([second.blocks, client.blocks]).toEqual([
      [WAITING, expect.arrayContaining(["stream.error"])],
      [WAITING, error],
    ]);
    await clock.advance(4_000);
    db.last.answer({ state: "pending" });
    await clock.advance(2_000);
    db.last.fail(new Error("down again"));
    await clock.advance(500);
    expect(client.blocks).toEqual([WAITING, error, error]);
    expect(observed.failed).toHaveLength(5);
    db.last.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([client.events, second.events]).toEqual([["all"], ["all"]]);
  });

  test("does not hide a stream that is here: the client is told what it missed", async () => {
    const { registry, clock, connect, db } = asked({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const client = connect("a");
    db.last.fail(new Error("down"));
    await clock.flush();
    expect(client.blocks.slice(1)).toEqual([
      ["stream.reset", `${job.epoch}.3`, { reason: "trimmed", lost: [1, 3] }],
      ["message", `${job.epoch}.4`, 4],
      ["message", `${job.epoch}.5`, 5],
      ["stream.live", undefined, {}],
    ]);
  });

  test("that is told to a client that holds is said when it reads again", async () => {
    const { clock, connect, db } = asked();
    const client = connect("a");
    client.stall();
    await clock.advance(1_000);
    db.last.fail(new Error("down"));
    await clock.flush();
    expect(names(client)).toEqual(["stream.open"]);
    client.drain();
    expect(names(client)).toEqual(["stream.open", "stream.error"]);
  });
});

describe("a stream that is here and cannot serve the client", () => {
  /** A live stream of five events, of which the last two are held. */
  async function trimmedStream() {
    const place = asked({ buffer: { events: 2 } });
    const job = await place.registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    return { ...place, job };
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

  test("gives way to a finished snapshot", async () => {
    const { clock, connect, db, job } = await trimmedStream();
    const clients = [connect("a"), connect("a", { cursor: `${job.epoch}.1` })];
    db.last.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect(clients.map(summary)).toEqual([
      ["stream.open", "all", "stream.end"],
      ["stream.open", ["stream.reset", "epoch"], "all", "stream.end"],
    ]);
  });

  test("gives way to a running snapshot that it continues", async () => {
    const { clock, connect, db, job } = await trimmedStream();
    const clients = [
      connect("a"),
      connect("a", { cursor: `${job.epoch}.1` }),
      connect("a", { cursor: "nonsense" }),
      connect("a", { cursor: "0123456789.3" }),
      connect("a", { cursor: `${job.epoch}.9` }),
    ];
    db.last.answer({
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
    ["unknown there", () => undefined],
    ["running without a position", () => ({ state: "running", events: [{ data: "state" }] })],
    [
      "running too far back",
      (epoch) => ({ state: "running", at: `${epoch}.2`, events: [{ data: "state" }] }),
    ],
    ["running ahead of it", (epoch) => ({ state: "running", at: `${epoch}.6`, events: [{ data: "state" }] })],
    [
      "running in another life",
      () => ({ state: "running", at: "0123456789.4", events: [{ data: "state" }] }),
    ],
  ])("and is %s: is reset to what is held", async (_how, snapshot) => {
    const { clock, connect, db, job, observed } = await trimmedStream();
    const client = connect("a");
    db.last.answer(snapshot(job.epoch));
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", RESET, 4, 5, "stream.live"]);
    expect(observed.warned).toEqual([]);
  });

  test("a stream that comes to serve it while the database is asked beats its answer", async () => {
    const { registry, clock, connect, db } = asked();
    const old = await registry.open("a");
    await old.end();
    const client = connect("a", { cursor: "0123456789.3" });
    const fresh = await registry.open("a");
    fresh.push({ data: "fresh" });
    db.last.answer({ state: "done", events: [{ data: "from the database" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", ["stream.reset", "epoch"], "stream.live", "fresh"]);
  });

  test("and that comes to where the client stands while the database is asked, beats its answer", async () => {
    const { registry, clock, connect, db } = asked();
    const job = await registry.open("a");
    const client = connect("a", { cursor: `${job.epoch}.2` });
    for (let n = 1; n <= 3; n++) job.push({ data: n });
    db.last.answer({ state: "done", events: [{ data: "from the database" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", 3, "stream.live"]);
  });

  test("and is forgotten before the answer: the answer counts", async () => {
    const { registry, clock, connect, db } = asked({ linger: 100, buffer: { events: 1 } });
    const job = await registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    const client = connect("a");
    await clock.advance(100);
    expect(registry.size).toBe(0);
    db.last.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect(summary(client)).toEqual(["stream.open", "all", "stream.end"]);
  });
});

describe("a finished result", () => {
  const done: Snapshot<AnyEvents> = {
    state: "done",
    events: Array.from({ length: 50 }, (_, n) => ({ event: "token", data: n })),
  };

  test("goes on where a client was cut, on another machine, and stops it with a 204 in the end", async () => {
    const machines = [
      createTestRegistry({ snapshot: () => done }),
      createTestRegistry({ snapshot: () => done, random: Math.random }),
    ];
    const [here, there] = machines as [TestRegistry, TestRegistry];
    const client = here.connect("a");
    await here.clock.flush();
    for (const place of machines) {
      for (const seq of [0, 1, 17, 49, 50]) {
        const cursor = `${cursorOf(client).cursor.slice(0, 10)}.${seq}`;
        const back = place.connect("a", { cursor });
        await place.clock.flush();
        expect(back.blocks[0]?.[1]).toBe(cursor);
        expect(back.events).toEqual(client.events.slice(seq));
        expect(names(back).at(-1)).toBe("stream.end");
      }
    }
    expect(there.connect("a", cursorOf(client)).status).toBe(204);
  });

  test("that has changed is sent anew, behind a reset", async () => {
    let events = [{ data: "one" }, { data: "two" }];
    const { clock, connect } = createTestRegistry({ snapshot: () => ({ state: "done", events }) });
    const client = connect("a");
    await clock.flush();
    events = [{ data: "one" }, { data: "three" }];
    await clock.advance(2_000);
    const back = connect("a", { cursor: `${cursorOf(client).cursor.slice(0, 10)}.1` });
    await clock.flush();
    expect(names(back)).toEqual(["stream.open", "stream.reset", "message", "message", "stream.end"]);
    expect(back.blocks[1]?.[2]).toEqual({ reason: "epoch", lost: null });
    expect(back.events).toEqual(["one", "three"]);
  });

  test("is sent whole to a client that wanted only what is new", async () => {
    const { registry, clock, connect } = createTestRegistry({ snapshot: () => done });
    const client = connect(registry.stream("a", { from: "now" }));
    await clock.flush();
    expect(client.events).toHaveLength(50);
  });

  test("is given as slowly as it is taken", async () => {
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

  test.each(["failed", "cancelled"] as const)("that %s ends so", async (state) => {
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
    if (state === "cancelled") expect(await reading).toMatchObject([{ data: "why" }]);
    else await expect(reading).rejects.toEqual(code("SOURCE_FAILED"));
  });
});

describe("a subscriber in the same process", () => {
  test("gets what a client would: the snapshot, and GONE where there is nothing", async () => {
    const { registry, clock, db } = asked();
    const messages = Array.fromAsync(registry.subscribe("a"));
    db.last.answer({ state: "done", events: [{ event: "done", data: 1 }] });
    expect(await messages).toMatchObject([{ event: "done", data: "1" }]);
    for (const wait of [0, 5_000]) {
      const gone = registry.subscribe(`b${wait}`).next();
      gone.catch(() => undefined);
      await clock.advance(wait);
      db.last.answer(undefined);
      await expect(gone).rejects.toEqual(code("GONE"));
    }
  });

  test("gets all events of a running snapshot, each with the id to come back with", async () => {
    const { registry, clock, db } = asked({ buffer: { events: 2 } });
    const job = await registry.open("a");
    for (let n = 1; n <= 5; n++) job.push({ data: n });
    const resets: unknown[] = [];
    const onReset = (reset: unknown): unknown => resets.push(reset);
    const cursor = `${job.epoch}.1`;
    const [fresh, back] = [{ onReset }, { cursor, onReset }].map((own) =>
      Array.fromAsync(registry.subscribe("a", own)),
    );
    db.last.answer({ state: "running", at: `${job.epoch}.4`, events: [{ data: "a" }, { data: "b" }] });
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
    // What is before every id is the beginning.
    const again = await Array.fromAsync(registry.subscribe("a", { cursor: "", onReset }));
    expect(again.map(({ data }) => data)).toEqual(["a", "b", "5"]);
    expect(resets).toHaveLength(1);
  });
});

describe("a channel", () => {
  test("is asked for like a stream, and opened for those who wait", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("room");
    registry.channel("room").push({ data: 1 });
    await clock.flush();
    expect(client.events).toEqual([1]);
  });
});

test("what is no function is refused at the door", () => {
  expect(() => createTestRegistry({ snapshot: {} as never })).toThrow(code("INVALID_OPTION") as Error);
  expect(() => createTestRegistry({ source: "a" as never })).toThrow(code("INVALID_OPTION") as Error);
});
