// Covers src/multiplex/{multiplex,multiplexed-response,member,member-turns,member-frames,connection-names}.ts.

import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import type { CloseInfo } from "../../src/connection/serve-options.ts";
import { ACCEPT } from "../../src/connection/source.ts";
import { serve } from "../../src/connection/serve.ts";
import type { OpenSink } from "../../src/connection/sink.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { type Members, multiplex } from "../../src/multiplex/index.ts";
import { createCluster } from "../support/cluster.ts";
import { createDatabase } from "../support/database.ts";
import { connectMultiplex, MUX, queryOf } from "../support/multiplex-client.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
/** The query for new members of these names. */
const asking = (...names: string[]): string =>
  queryOf(Object.fromEntries(names.map((name) => [name, undefined])));
/** `stream.member` blocks that answer members. */
const answers = ({ blocks }: { readonly blocks: readonly { event: string; data: unknown }[] }): unknown[] =>
  blocks.flatMap(({ event, data }) => (event === "stream.member" && "status" in Object(data) ? [data] : []));

describe("delivery", () => {
  test("members of several registries share one response, each as on a connection of its own", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const rooms = createTestRegistry({}, clock).registry;
    const job = await registry.open("42");
    job.push({ data: 1 });
    const lobby = rooms.channel("lobby");
    const client = connectMultiplex(
      { "jobs/42": registry.stream("42"), "jobs/42 too": job, lobby },
      asking("jobs/42", "jobs/42 too", "lobby"),
    );
    await clock.flush();
    const alone = connect("42");
    job.push({ data: 2 });
    lobby.push({ event: "said", data: "hi" });
    await clock.flush();
    await job.end({ data: 3 });
    await clock.flush();
    expect(client.events("jobs/42")).toEqual([1, 2, 3]);
    expect(client.events("lobby")).toEqual(["hi"]);
    const own = alone.blocks.map(([event, id, data]) => ({ member: "jobs/42", event, id, data }));
    expect(client.of("jobs/42")).toEqual(own);
    expect(client.of("jobs/42 too")).toEqual(own.map((block) => ({ ...block, member: "jobs/42 too" })));
    expect(client.headers).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  });

  test("what is woken in one turn leaves in one write, and `stream.member` stands before a run of another member", async () => {
    const { registry, clock } = createTestRegistry();
    const other = createTestRegistry({}, clock).registry;
    const [a, b] = [registry.channel("a"), other.channel("b")];
    const client = connectMultiplex({ a, b }, asking("a", "b"));
    await clock.flush();
    const [writes, length] = [client.writes, client.text.length];
    for (let round = 0; round < 3; round++) {
      a.push({ data: round });
      b.push({ data: round });
    }
    await clock.flush();
    expect(client.writes).toBe(writes + 1);
    expect(client.text.slice(length).match(/event: stream.member/g)).toHaveLength(2);
    b.push({ data: 3 });
    await clock.flush();
    expect(client.text.slice(length).match(/event: stream.member/g)).toHaveLength(2);
    expect([client.events("a"), client.events("b")]).toEqual([
      [0, 1, 2],
      [0, 1, 2, 3],
    ]);
  });

  test("each member resumes at its own cursor, or is told what it has lost", async () => {
    const { registry, clock } = createTestRegistry({ buffer: { events: 3 } });
    const [a, b] = [await registry.open("a"), await registry.open("b")];
    for (let data = 1; data <= 5; data++) for (const job of [a, b]) job.push({ data });
    const client = connectMultiplex(
      (member) => registry.stream(member),
      queryOf({ a: `${a.epoch}.4`, b: `${b.epoch}.1`, c: undefined }),
    );
    await clock.flush();
    expect(client.events("a")).toEqual([5]);
    expect(client.of("b").slice(1, 2)).toEqual([
      { member: "b", event: "stream.reset", id: `${b.epoch}.2`, data: { reason: "trimmed", lost: [2, 2] } },
    ]);
    expect(client.events("b")).toEqual([3, 4, 5]);
    expect(client.of("c")[0]?.data).toMatchObject({ state: "waiting" });
    expect(client.cursor("a")).toBe(`${a.epoch}.5`);
  });

  test("one member with much to send takes turns with the others", async () => {
    const { registry, clock } = createTestRegistry();
    const [big, small] = [await registry.open("big"), await registry.open("small")];
    for (let count = 0; count < 64; count++) big.push({ data: "x".repeat(16_000) });
    small.push({ data: "small" });
    const client = connectMultiplex((member) => registry.stream(member), asking("big", "small"));
    await clock.flush();
    expect(client.text.indexOf("data: small")).toBeLessThan(2 * 65_536);
    expect(client.events("big")).toHaveLength(64);
  });

  test("a client that does not read costs one write of memory, and gets everything when it reads on", async () => {
    const { registry, clock } = createTestRegistry();
    const names = Array.from({ length: 20 }, (_, index) => `m${index}`);
    const jobs = await Promise.all(names.map((name) => registry.open(name)));
    const client = connectMultiplex((member) => registry.stream(member), asking(...names));
    client.stall();
    await clock.flush();
    for (let count = 0; count < 20; count++) {
      for (const job of jobs) job.push({ data: "x".repeat(4_000) });
      await clock.flush();
    }
    expect(client.text.length).toBeLessThan(2 * 65_536);
    client.drain();
    for (const name of names) expect(client.events(name)).toHaveLength(20);
  });

  test("clients of the same members share the bytes of a write", async () => {
    const { registry, clock } = createTestRegistry();
    const [a, b] = [registry.channel("a"), registry.channel("b")];
    const writes: Uint8Array[][] = [[], []];
    for (const written of writes) {
      const { request } = createMemoryClient();
      const ignore = (): void => undefined;
      const write = (bytes: Uint8Array): boolean => written.push(bytes) > 0;
      const open: OpenSink = () => ({
        write,
        pageBytes: Infinity,
        close: ignore,
        cut: ignore,
        destroy: ignore,
      });
      const url = `/live?${queryOf({ a: undefined, b: undefined }, `client ${writes.indexOf(written)}`)}`;
      void serve({ ...request, url }, open, multiplex({ a, b }));
    }
    await clock.flush();
    for (const channel of [a, b]) channel.push({ data: 1 });
    await clock.flush();
    expect(writes[0]?.at(-1)?.length).toBeGreaterThan(100);
    expect(writes[0]?.at(-1)).toBe(writes[1]?.at(-1));
  });

  test("there is one heartbeat for all, with the interval that `stream.open` says", async () => {
    const { registry, clock, observed } = createTestRegistry({ heartbeat: 1_000 });
    await registry.open("a");
    await registry.open("b");
    const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"), {
      heartbeat: 2_000,
    });
    await clock.flush();
    expect(client.of("a")[0]?.data).toMatchObject({ heartbeat: 2_000 });
    const { text } = client;
    await clock.advance(2_000);
    expect(client.text).toBe(`${text}:\n\n`);
    expect(observed.heartbeat).toEqual([{ id: undefined, key: undefined }]);
  });
});

describe("members that get no stream", () => {
  test("a map answers 404 for names that it does not have, whatever they are", async () => {
    const { registry, clock } = createTestRegistry();
    const client = connectMultiplex(
      { lobby: registry.channel("lobby") },
      asking("lobby", "nope", "constructor", "__proto__", "", "x".repeat(257), "a\nb"),
    );
    await clock.flush();
    expect(answers(client)).toEqual(
      ["nope", "constructor", "__proto__", "", "x".repeat(257), "a\nb"].map((member) => ({
        member,
        status: 404,
      })),
    );
    expect(client.of("lobby")).not.toEqual([]);
  });

  test("each member is authorised on its own, and what fails costs the others nothing", async () => {
    const { registry, clock, observed } = createTestRegistry();
    await registry.open("mine");
    const asked: unknown[] = [];
    const members: Members = (member, { cursor, method }) => {
      asked.push([member, cursor, method]);
      if (member === "throws") throw new Error("down");
      if (member === "rejects") return Promise.reject(new Error("down"));
      if (member === "wrong") return "mine" as never;
      if (member === "bare") return (() => undefined) as never;
      if (member === "later") return Promise.resolve(registry.stream("mine"));
      if (member === "nested") return multiplex({}) as never;
      return member === "mine" ? registry.stream("mine") : 403;
    };
    const names = ["throws", "rejects", "wrong", "bare", "nested", "forbidden", "mine", "later"];
    const client = connectMultiplex(members, asking(...names), { registry });
    await clock.flush();
    expect(asked).toEqual(names.map((name) => [name, undefined, "GET"]));
    expect(answers(client)).toHaveLength(6);
    expect(answers(client)).toEqual(
      expect.arrayContaining([
        { member: "forbidden", status: 403 },
        ...["throws", "rejects", "wrong", "bare", "nested"].map((member) => ({
          member,
          status: 503,
          retryAfter: 17_500,
        })),
      ]),
    );
    const failed = observed.failed.map(({ id, stage }) => `${stage} ${id}`);
    expect(failed.toSorted((a, b) => a.localeCompare(b))).toEqual(
      ["bare", "nested", "rejects", "throws", "wrong"].map((id) => `source ${id}`),
    );
    expect(client.of("mine")).toHaveLength(2);
    expect(client.of("later")).toHaveLength(2);
  });

  test("one that has everything is answered 204 without being looked up; if all have, so is the request", async () => {
    const { registry, clock } = createTestRegistry({ maxConnections: 1 });
    const find = vi.fn(() => registry.stream("a"));
    const ended = "k3v9x0q2ma.7.end";
    const client = connectMultiplex(find, queryOf({ a: ended, b: ended }));
    await clock.flush();
    expect([client.status, client.text, find.mock.calls.length]).toEqual([204, "", 0]);
    const mixed = connectMultiplex(find, queryOf({ a: ended, b: undefined }));
    await clock.flush();
    expect([mixed.status, answers(mixed)]).toEqual([200, [{ member: "a", status: 204 }]]);
  });

  test("the response ends when nothing more can follow", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const job = await registry.open("a");
    const client = connectMultiplex((member) => (member === "a" ? job : 404), asking("a", "b"));
    await clock.flush();
    expect(client.state).toBe("open");
    await job.end();
    await clock.flush();
    expect(client.state).toBe("flushed");
    await client.over;
    expect(observed.connectionClosed).toMatchObject([{ id: undefined, reason: "ended" }]);
  });

  test.each([404, 403] as const)(
    "the only member of a request without a name: %i is the status of the response",
    async (status) => {
      const { clock } = createTestRegistry();
      const client = connectMultiplex(() => status, queryOf({ a: undefined }, null));
      await clock.flush();
      expect([client.status, client.text]).toEqual([status, ""]);
    },
  );

  test("without a name, a failure is a 503 with Retry-After", async () => {
    const { registry, clock } = createTestRegistry();
    const find = (): never => {
      throw new Error("down");
    };
    const client = connectMultiplex(find, queryOf({ a: undefined }, null), { registry });
    await clock.flush();
    expect([client.status, client.headers]).toEqual([
      503,
      { "cache-control": "no-store", "retry-after": "18" },
    ]);
  });
});

describe("members that wait", () => {
  test("the response begins after 1 s, and the others are served meanwhile", async () => {
    const { registry, clock } = createTestRegistry();
    let resolve: (found: 404) => void = () => undefined;
    const slow = new Promise<404>((settle) => {
      resolve = settle;
    });
    const [job, alone] = [await registry.open("a"), connectMultiplex(() => slow, asking("x"), { registry })];
    const client = connectMultiplex(
      (member) => (member === "a" ? job : slow),
      queryOf({ a: undefined, b: undefined }, "another"),
    );
    await clock.flush();
    expect(client.of("a")).toHaveLength(2);
    await clock.advance(999);
    expect(alone.status).toBeUndefined();
    await clock.advance(1);
    expect([alone.status, alone.text]).toEqual([200, ":\n\n"]);
    resolve(404);
    await clock.flush();
    expect(answers(client)).toEqual([{ member: "b", status: 404 }]);
    expect([alone.state, client.state]).toEqual(["flushed", "open"]);
  });

  test("a stream is served when it is opened, from its first event", async () => {
    const { registry, clock } = createTestRegistry();
    const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"));
    await clock.advance(10);
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    expect(client.of("a").map(({ event }) => event)).toEqual([
      "stream.open",
      "stream.open",
      "stream.live",
      "message",
    ]);
    expect(registry.gauges()).toMatchObject({ connections: 1, waiting: 1 });
  });

  test("one that waits for too long is drained alone", async () => {
    const { registry, clock } = createTestRegistry({ wait: 5_000 });
    await registry.open("a");
    const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"));
    await clock.advance(5_000);
    expect(client.of("b").at(-1)).toMatchObject({
      event: "stream.drain",
      data: { reason: "waiting", member: "b" },
    });
    expect([client.state, registry.gauges().waiting]).toEqual(["open", 0]);
  });

  test("`maxWaiting` counts members, and those over it are drained as busy or answered with 503", async () => {
    const { registry, clock } = createTestRegistry({ maxWaiting: 1 });
    const members: Members = (member) => registry.stream(member);
    const first = connectMultiplex(members, asking("a", "b"));
    await clock.flush();
    expect(first.of("b")).toMatchObject([{ event: "stream.drain", data: { reason: "busy", member: "b" } }]);
    const second = connectMultiplex(members, queryOf({ c: undefined }, "another"), { overload: "refuse" });
    await clock.flush();
    expect(answers(second)).toEqual([{ member: "c", status: 503, retryAfter: 17_500 }]);
  });

  test("a look-up of the database answers one member, whenever it comes", async () => {
    const db = createDatabase();
    const { registry, clock } = createTestRegistry({ snapshot: db.snapshot });
    const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"));
    await clock.flush();
    db.queries.find(({ id }) => id === "a")?.answer({ state: "done", events: [{ data: 1 }] });
    await clock.flush();
    expect(client.of("a").map(({ event }) => event)).toEqual(["stream.open", "message", "stream.end"]);
    await clock.advance(500);
    db.queries.find(({ id }) => id === "b")?.answer(undefined);
    await clock.flush();
    expect([answers(client), client.state]).toEqual([[{ member: "b", status: 404 }], "flushed"]);
  });

  test("the streams of a store are members on every server", async () => {
    const {
      clock,
      processes: [one, two],
    } = createCluster();
    const job = await one.registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const client = connectMultiplex((member) => two.registry.stream(member), asking("a"));
    await clock.advance(100);
    job.push({ data: 2 });
    await clock.advance(100);
    expect(client.events("a")).toEqual([1, 2]);
  });

  test("a member whose store is away gets its events later, and no comments in between", async () => {
    const {
      clock,
      processes: [one, two],
    } = createCluster();
    const job = await one.registry.open("a");
    const client = connectMultiplex((member) => two.registry.stream(member), asking("a"));
    const alone = two.connect("a");
    await clock.advance(100);
    two.link.callFates = ["rejected"];
    job.push({ data: 1 });
    await clock.advance(10_000);
    expect([client.events("a"), alone.text.includes(": degraded")]).toEqual([[], true]);
    expect(client.text).not.toContain(": degraded");
    two.link.callFates = ["ok"];
    await clock.advance(6_000);
    expect(client.events("a")).toEqual([1]);
  });
});

describe("limits", () => {
  test("a connection counts once, in the registry of its first stream", async () => {
    const { registry, clock, observed } = createTestRegistry({ maxConnections: 1 });
    const rooms = createTestRegistry({}, clock).registry;
    const members: Members = (member) =>
      member === "room" ? rooms.channel("room") : registry.channel(member);
    const client = connectMultiplex(members, asking("nope\n", "a", "b", "room"), { key: "anna" });
    const second = connectMultiplex(members, queryOf({ a: undefined }, "another"));
    const refused = connectMultiplex(members, queryOf({ a: undefined }, "a third"), { overload: "refuse" });
    await clock.flush();
    expect([registry.gauges().connections, rooms.gauges().connections]).toEqual([1, 0]);
    expect(registry.connections("anna")).toMatchObject([{ id: undefined, key: "anna", events: 0 }]);
    expect(second.blocks).toMatchObject([{ event: "stream.drain", data: { reason: "busy" } }]);
    expect([second.headers["cache-control"], refused.status]).toEqual(["no-store", 503]);
    client.leave();
    await clock.flush();
    expect(registry.gauges().connections).toBe(0);
    expect(observed.connectionOpened).toHaveLength(2);
    expect(observed.connectionClosed).toMatchObject([
      { id: undefined, reason: "busy" },
      { id: undefined, key: "anna", reason: "disconnected" },
    ]);
  });

  test("`registry` says where it counts, and refuses it before members are looked up", async () => {
    const { registry, clock } = createTestRegistry({ maxConnectionsPerKey: 1 });
    const other = createTestRegistry({}, clock).registry;
    const find = vi.fn(() => other.channel("a"));
    const client = connectMultiplex(find, asking("a"), { registry, key: "anna" });
    await clock.flush();
    expect([registry.gauges().connections, other.gauges().connections]).toEqual([1, 0]);
    const refused = connectMultiplex(find, queryOf({ a: undefined }, "another"), { registry, key: "anna" });
    await clock.flush();
    expect([refused.blocks[0]?.data, find.mock.calls.length]).toEqual([{ reason: "busy" }, 1]);
    await registry.disconnect("anna", "logged out");
    await clock.flush();
    expect(client.blocks.at(-1)).toMatchObject({ event: "stream.drain", data: { reason: "aborted" } });
    expect(client.state).toBe("flushed");
  });

  test("a registry that is known only after the response has begun counts it from then on", async () => {
    const { registry, clock } = createTestRegistry({ maxConnections: 1 });
    const slow = async () => {
      await new Promise<void>((resolve) => clock.after(2_000, resolve));
      return registry.channel("a");
    };
    const [first, second] = ["first", "second"].map((mux) =>
      connectMultiplex(slow, queryOf({ a: undefined }, mux), { clock }),
    );
    await clock.advance(1_500);
    expect([first?.status, registry.gauges().connections]).toEqual([200, 0]);
    await clock.advance(1_000);
    expect([registry.gauges().connections, first?.state]).toEqual([1, "open"]);
    expect(second?.blocks).toMatchObject([{ event: "stream.drain", data: { reason: "busy" } }]);
  });

  test("a second request of the same name takes the place of the first, also at a limit", async () => {
    const { registry, clock, observed } = createTestRegistry({ maxConnections: 1 });
    const members: Members = (member) => registry.channel(member);
    const first = connectMultiplex(members, asking("a"), { key: "anna" });
    await clock.flush();
    const second = connectMultiplex(members, asking("a", "b"), { key: "anna" });
    await clock.flush();
    expect([first.state, first.text.includes("stream.drain"), second.state]).toEqual([
      "destroyed",
      false,
      "open",
    ]);
    expect(second.of("b")).toHaveLength(2);
    expect(observed.connectionClosed).toMatchObject([{ reason: "disconnected" }]);
    const ofBen = connectMultiplex(members, asking("a"), { key: "ben" });
    await clock.flush();
    expect([second.state, ofBen.blocks[0]?.data]).toEqual(["open", { reason: "busy" }]);
  });

  test("one that is not admitted yet is replaced, too", async () => {
    const { registry, clock } = createTestRegistry();
    const members: Members = async (member) => registry.channel(member);
    const first = connectMultiplex(members, asking("a"));
    const second = connectMultiplex(members, asking("a"));
    await clock.flush();
    expect([first.status, second.state, registry.gauges().connections]).toEqual([499, "open", 1]);
  });
});

describe("drains", () => {
  test("a registry that closes drains the connection once, behind what was pushed", async () => {
    const { registry, clock } = createTestRegistry();
    const jobs = [await registry.open("a"), await registry.open("b")];
    const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"));
    await clock.flush();
    for (const job of jobs) job.push({ data: "last" });
    await registry.close();
    expect([client.events("a"), client.events("b")]).toEqual([["last"], ["last"]]);
    expect(client.blocks.filter(({ event }) => event === "stream.drain")).toEqual([
      { member: undefined, event: "stream.drain", id: undefined, data: { reason: "shutdown" } },
    ]);
    expect([client.state, clock.timers]).toEqual(["flushed", 0]);
  });

  test("one that is closed drains who arrives, once", async () => {
    const { registry, clock } = createTestRegistry();
    void registry.close();
    for (const options of [{}, { registry }]) {
      const client = connectMultiplex((member) => registry.stream(member), asking("a", "b"), options);
      await clock.flush();
      expect(client.blocks).toMatchObject([{ event: "stream.drain", data: { reason: "shutdown" } }]);
      expect([client.state, client.status]).toEqual(["flushed", 200]);
    }
  });

  test("only the members of a registry that closes are drained from the connection of another", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const rooms = createTestRegistry({}, clock).registry;
    const job = await registry.open("a");
    const members: Members = (member) => (member === "a" ? registry.stream("a") : rooms.channel(member));
    const client = connectMultiplex(members, asking("a", "lobby"));
    await clock.flush();
    rooms.channel("lobby").push({ data: "last" });
    void rooms.close();
    await clock.flush();
    expect(client.events("lobby")).toEqual(["last"]);
    expect(client.blocks.at(-1)).toMatchObject({
      member: "lobby",
      event: "stream.drain",
      data: { reason: "shutdown", member: "lobby" },
    });
    job.push({ data: 1 });
    await clock.flush();
    expect([client.events("a"), client.state]).toEqual([[1], "open"]);
    const late = connectMultiplex(members, queryOf({ lobby: undefined, a: undefined }, "late"));
    await clock.flush();
    expect(late.of("lobby")).toMatchObject([{ event: "stream.drain", data: { member: "lobby" } }]);
    expect(late.events("a")).toEqual([1]);
    expect(observed.failed).toEqual([]);
  });

  test("one whose client does not read is drained when it reads again, even after the deadline", async () => {
    const { registry, clock } = createTestRegistry();
    const rooms = createTestRegistry({}, clock).registry;
    const lobby = rooms.channel("lobby");
    const client = connectMultiplex({ a: registry.channel("a"), lobby }, asking("a", "lobby"));
    await clock.flush();
    client.stall();
    lobby.push({ data: 1 });
    await clock.flush();
    void rooms.close({ deadline: 1_000 });
    await clock.advance(1_000);
    client.drain();
    await clock.flush();
    expect(client.blocks.at(-1)).toMatchObject({ event: "stream.drain", data: { member: "lobby" } });
    expect([client.state, rooms.gauges().connections]).toEqual(["open", 0]);
  });

  test("in a grace period the connection stays for streams that run on, and serves who asks for them", async () => {
    const { registry, clock } = createTestRegistry();
    const job = await registry.open("a");
    const members: Members = (member) => (member === "a" ? registry.stream("a") : registry.channel(member));
    const client = connectMultiplex(members, asking("lobby", "a"));
    await clock.flush();
    const closed = registry.close({ grace: 10_000 });
    await clock.flush();
    expect(client.of("lobby").at(-1)).toMatchObject({ event: "stream.drain" });
    for (const options of [{}, { registry }]) {
      const late = connectMultiplex(() => registry.stream("a"), queryOf({ a: undefined }, "late"), options);
      await clock.flush();
      expect([late.state, late.of("a").length]).toEqual(["open", 2]);
    }
    job.push({ data: 1 });
    await job.end();
    await clock.advance(1);
    await closed;
    expect([client.events("a"), client.state]).toEqual([[1], "flushed"]);
    expect(client.of("a").at(-1)).toMatchObject({ event: "stream.end" });
  });

  test("the connection has a maximum duration, and an application's signal", async () => {
    const { registry, clock } = createTestRegistry();
    const login = new AbortController();
    const members: Members = (member) => registry.channel(member);
    const client = connectMultiplex(members, asking("a"), { maxDuration: 10_000 });
    const other = connectMultiplex(members, queryOf({ a: undefined }, "other"), { signal: login.signal });
    await clock.advance(11_000);
    expect(client.blocks.at(-1)).toMatchObject({ data: { reason: "max-duration" } });
    login.abort();
    expect(other.blocks.at(-1)).toMatchObject({ data: { reason: "aborted" } });
    const late = connectMultiplex(members, queryOf({ a: undefined }, "late"), { signal: login.signal });
    await clock.flush();
    expect(late.blocks).toMatchObject([{ event: "stream.drain", data: { reason: "aborted" } }]);
  });
});

describe("requests", () => {
  test("HEAD gets the headers, and nothing is looked up", async () => {
    const find = vi.fn(() => 404 as const);
    const client = connectMultiplex(find, asking("a"), { request: { method: "HEAD" } });
    await client.over;
    expect([client.status, client.headers["cache-control"], find.mock.calls.length]).toEqual([
      200,
      "no-store",
      0,
    ]);
  });

  test("a POST has its members in the body", async () => {
    const { registry, clock } = createTestRegistry();
    const client = connectMultiplex((member) => registry.channel(member), "", {
      request: { method: "POST", body: async () => asking("a", "b") },
    });
    await clock.flush();
    expect([client.of("a").length, client.of("b").length]).toEqual([2, 2]);
  });

  test("a body that breaks off belongs to a client that has left; any other failure is the caller's", async () => {
    const left = AbortSignal.abort();
    const body = () => Promise.reject(new Error("read before"));
    const client = connectMultiplex({}, "", { request: { method: "POST", body, signal: left } });
    await client.over;
    expect(client.status).toBe(499);
    const failed = connectMultiplex({}, "", { request: { method: "POST", body } });
    await expect(failed.over).rejects.toThrow("read before");
  });

  test("a request that cannot be understood is told why, as text", async () => {
    const closed: CloseInfo[] = [];
    const client = connectMultiplex({}, "on=a&on=b", { onClose: (info) => void closed.push(info) });
    await client.over;
    expect([client.status, client.headers]).toEqual([
      400,
      { "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" },
    ]);
    expect(client.text).toContain("Several members need `mux=<name>`");
    expect(closed).toMatchObject([{ status: 400, id: undefined, bytes: 0 }]);
  });

  test("`onClose` is called once for the connection", async () => {
    const { registry, clock } = createTestRegistry();
    const closed: CloseInfo[] = [];
    const onClose = (info: CloseInfo): void => void closed.push(info);
    const lobby = registry.channel("a");
    const client = connectMultiplex({ a: lobby, b: lobby }, asking("a", "b"), { key: "anna", onClose });
    await clock.flush();
    lobby.push({ data: 1 });
    await clock.flush();
    client.leave();
    await client.over;
    expect(closed).toMatchObject([
      { id: undefined, key: "anna", status: 200, reason: "disconnected", events: 2 },
    ]);
  });

  test("mistakes of the application are refused", async () => {
    const { registry } = createTestRegistry();
    for (const members of [
      undefined,
      "a",
      { a: () => undefined },
      { a: registry.open("x") },
      { a: multiplex({}) },
    ]) {
      expect(() => multiplex(members as never)).toThrow(code("INVALID_OPTION"));
    }
    for (const control of [true, false, () => undefined]) {
      const client = connectMultiplex({}, asking("a"), { control });
      await expect(client.over).rejects.toEqual(code("INVALID_OPTION"));
    }
    expect(() => registry.subscribe(multiplex({}) as never)).toThrow(code("INVALID_OPTION"));
  });

  test("the registry of a member may leave control events out: here they are always sent", async () => {
    const { registry, clock } = createTestRegistry({ control: false });
    const client = connectMultiplex({ a: registry.stream("a") }, asking("a"));
    await clock.flush();
    expect(client.of("a")).toMatchObject([{ event: "stream.open", data: { state: "waiting" } }]);
  });
});

describe("what is left behind", () => {
  test("nothing, at whatever moment the client leaves", async () => {
    const db = createDatabase();
    for (let turns = 0; turns < 12; turns++) {
      const { registry, clock } = createTestRegistry({ snapshot: db.snapshot });
      await registry.open("here");
      const members: Members = async (member) => {
        for (let turn = 0; turn < 4; turn++) await Promise.resolve();
        if (member === "throws") throw new Error("down");
        return registry.stream(member);
      };
      const body = async (): Promise<string> => {
        for (let turn = 0; turn < 2; turn++) await Promise.resolve();
        return asking("here", "away", "throws");
      };
      const client = connectMultiplex(members, "", { clock, registry, request: { method: "POST", body } });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      client.leave();
      await client.over;
      await clock.flush();
      expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
      expect(registry.get("here")?.readers).toBe(0);
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
      await registry.close();
      await clock.advance(3_600_000);
      expect(clock.timers).toBe(0);
    }
  });

  test("a source that fails while it writes costs its member alone", async () => {
    const { registry, clock, observed } = createTestRegistry();
    const job = await registry.open("a");
    const broken = {
      id: "broken",
      [ACCEPT]: ((request, open, options, counted, connect) =>
        job[ACCEPT](request, open, options, counted, (...args) => {
          const connection = connect?.(...args);
          connection?.setSource({
            pump: () => {
              throw new Error("broken");
            },
          });
          connection?.start();
          return undefined;
        })) satisfies (typeof job)[typeof ACCEPT],
    };
    const client = connectMultiplex({ a: job, broken }, asking("broken", "a"));
    await clock.flush();
    job.push({ data: 1 });
    await clock.flush();
    expect(client.of("broken")).toMatchObject([{ event: "stream.drain", data: { reason: "aborted" } }]);
    expect(client.events("a")).toEqual([1]);
    expect(observed.failed).toMatchObject([{ stage: "delivery" }]);
  });
});

test("the name of a connection is free again when it is over", async () => {
  const { registry, clock } = createTestRegistry();
  const first = connectMultiplex({ a: registry.channel("a") }, queryOf({ a: undefined }, MUX));
  await clock.flush();
  first.leave();
  const second = connectMultiplex({ a: registry.channel("a") }, queryOf({ a: undefined }, MUX));
  await clock.flush();
  expect(second.state).toBe("open");
});
