import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { StreamEvent, AnyEvents } from "../../src/protocol/event.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import { poll } from "../../src/sources/poll.ts";
import { database } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

type Event = StreamEvent<AnyEvents>;

/** One run of a source: what the test gives, its readers get. */
interface Run {
  readonly id: string;
  readonly signal: AbortSignal;
  give(event: Event): void;
  end(): void;
  fail(error: unknown): void;
}

/** A registry whose streams are started by those who ask for them. */
function onDemand(options: RegistryOptions = {}): TestRegistry & { readonly runs: Run[]; running(): number } {
  const runs: Run[] = [];
  const place = createTestRegistry({
    random: Math.random,
    linger: 5_000,
    source: (id, { signal }) => {
      let run: Run | undefined;
      const body = new ReadableStream<Event>({
        start(controller) {
          run = {
            id,
            signal,
            give: (event) => controller.enqueue(event),
            end: () => controller.close(),
            fail: (error) => controller.error(error),
          };
        },
      });
      if (run !== undefined) runs.push(run);
      return body;
    },
    ...options,
  });
  return { ...place, runs, running: () => runs.filter(({ signal }) => !signal.aborted).length };
}

const names = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

describe("a source on demand", () => {
  test("is started by the first who asks, serves everyone, and is stopped `linger` after the last has left", async () => {
    const { registry, clock, connect, runs, observed } = onDemand();
    const first = connect("a");
    expect(runs.map(({ id }) => id)).toEqual(["a"]);
    runs[0]?.give({ data: 1 });
    await clock.flush();
    const second = connect("a");
    const subscriber = registry.subscribe("a");
    const message = subscriber.next();
    runs[0]?.give({ data: 2 });
    await clock.flush();
    expect([first.events, second.events]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(names(first)).toEqual(["stream.open", "stream.live", "message", "message"]);
    expect((await message).value).toMatchObject({ data: "1" });
    expect(runs).toHaveLength(1);
    first.leave();
    second.leave();
    await clock.advance(60_000);
    expect(runs[0]?.signal.aborted).toBe(false);
    await subscriber.return?.();
    await clock.advance(4_999);
    expect([runs[0]?.signal.aborted, registry.size]).toEqual([false, 1]);
    await clock.advance(1);
    expect([runs[0]?.signal.aborted, registry.size, clock.timers]).toEqual([true, 0, 0]);
    expect(observed.streamEnded).toMatchObject([{ id: "a", status: "cancelled", events: 2 }]);
    expect(observed.failed).toEqual([]);
  });

  test("goes on for a client that comes back within `linger`, from where it was", async () => {
    const { clock, connect, runs } = onDemand();
    const client = connect("a");
    runs[0]?.give({ data: 1 });
    await clock.flush();
    const cursor = client.blocks.at(-1)?.[1] as string;
    client.leave();
    for (let n = 2; n <= 4; n++) {
      await clock.advance(4_000);
      const back = connect("a", { cursor });
      runs[0]?.give({ data: n });
      await clock.flush();
      expect(back.events).toEqual([2, 3, 4].slice(0, n - 1));
      back.leave();
    }
    expect(runs).toHaveLength(1);
  });

  test("leaves the registry before its signal aborts: who comes while it stops gets a fresh one", async () => {
    const place = onDemand();
    const { registry, clock, connect, runs } = place;
    connect("a").leave();
    const met: unknown[] = [];
    let guest: TestClient | undefined;
    runs[0]?.signal.addEventListener("abort", () => {
      met.push(registry.get("a"), place.running());
      guest = connect("a");
    });
    await clock.advance(5_000);
    expect([met, runs.length]).toEqual([[undefined, 0], 2]);
    runs[1]?.give({ data: "fresh" });
    await clock.flush();
    expect(guest?.events).toEqual(["fresh"]);
    expect(guest?.text).not.toContain("stream.end");
    expect(place.running()).toBe(1);
  });

  test("is begun anew for a client that comes after it was stopped, which is told to start over", async () => {
    const { clock, connect, runs } = onDemand();
    const client = connect("a");
    runs[0]?.give({ data: "old" });
    await clock.flush();
    const cursor = client.blocks.at(-1)?.[1] as string;
    client.leave();
    await clock.advance(5_000);
    const back = connect("a", { cursor });
    runs[1]?.give({ data: "new" });
    await clock.flush();
    expect(names(back)).toEqual(["stream.open", "stream.reset", "stream.live", "message"]);
    expect(back.events).toEqual(["new"]);
  });

  test("is read from its first event by all who find it begin, whatever `from` says", async () => {
    const { registry, clock, connect, runs } = onDemand();
    const client = connect(registry.stream("a", { from: "now" }));
    runs[0]?.give({ data: 1 });
    await clock.flush();
    const late = connect(registry.stream("a", { from: "now" }));
    runs[0]?.give({ data: 2 });
    await clock.flush();
    expect([client.events, late.events]).toEqual([[1, 2], [2]]);
  });

  test("is not started for a client that is gone, refused, or asks for nothing", async () => {
    const place = onDemand({ maxConnections: 1 });
    const { connect, runs, registry } = place;
    connect("");
    connect("a", { method: "HEAD" });
    connect("a", { cursor: "0123456789.1.end" });
    expect(runs).toEqual([]);
    registry.channel("room");
    connect("room");
    connect("a");
    expect(runs).toEqual([]);
  });

  test("that was opened or is a channel is none of its business", async () => {
    const { registry, connect, runs } = onDemand();
    await registry.open("a");
    registry.channel("room");
    connect("a");
    connect("room");
    expect(runs).toEqual([]);
  });

  test("keeps its id while it runs", async () => {
    const { registry, connect } = onDemand();
    connect("a");
    await expect(registry.open("a")).rejects.toMatchObject({ code: "STREAM_EXISTS" });
  });

  test("for which there is no room sends its client away, and the next one is tried again", async () => {
    const { registry, clock, connect, runs, observed } = onDemand({ maxStreams: 1 });
    const job = await registry.open("b");
    const client = connect("a");
    expect(client.blocks).toEqual([["stream.drain", undefined, { reason: "busy" }]]);
    expect(observed.failed).toMatchObject([{ id: "a", stage: "source", error: { code: "LIMIT_EXCEEDED" } }]);
    expect([runs.length, registry.gauges().connections]).toEqual([0, 0]);
    await job.end();
    connect("a");
    await clock.flush();
    expect(runs).toHaveLength(1);
  });

  test("never expires while somebody listens to its silence", async () => {
    const { registry, clock, connect, runs } = onDemand({ idle: 10_000, maxDuration: 1e9 });
    connect("a");
    await clock.advance(1_000_000);
    expect([registry.get("a")?.status, runs.length]).toEqual(["live", 1]);
  });

  test("is cancelled as any other, and its end is replayed while it lingers", async () => {
    const { registry, clock, connect, runs } = onDemand();
    const client = connect("a");
    expect(await registry.cancel("a", "user")).toBe(true);
    await clock.flush();
    expect(client.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    expect(runs[0]?.signal.reason).toBe("user");
    expect(names(connect("a")).at(-1)).toBe("stream.end");
    await clock.advance(5_000);
    connect("a");
    expect(runs).toHaveLength(2);
  });

  test.each([0, 60_000])("is stopped by the registry's close, with `linger` %i", async (linger) => {
    const { registry, clock, connect, runs } = onDemand({ linger });
    const client = connect("a");
    const closed = registry.close();
    expect(client.blocks.at(-1)?.[2]).toEqual({ reason: "shutdown" });
    await closed;
    expect(runs[0]?.signal.reason).toMatchObject({ code: "REGISTRY_CLOSED" });
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("with `linger: 0` goes with its last reader", async () => {
    const { registry, clock, connect, runs } = onDemand({ linger: 0 });
    const client = connect("a");
    await clock.advance(1_000);
    expect(runs[0]?.signal.aborted).toBe(false);
    client.leave();
    await clock.advance(0);
    expect([runs[0]?.signal.aborted, registry.size]).toEqual([true, 0]);
  });
});

describe("a source on demand that", () => {
  test("ends, ends its stream, which lingers, and begins anew for whoever comes later", async () => {
    const { registry, clock, connect, runs } = onDemand();
    const client = connect("a");
    runs[0]?.give({ data: 1 });
    runs[0]?.end();
    await clock.flush();
    expect(names(client)).toEqual(["stream.open", "message", "stream.end"]);
    await clock.advance(4_999);
    expect([connect("a").events, runs.length]).toEqual([[1], 1]);
    expect(runs[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(registry.size).toBe(0);
    connect("a");
    expect(runs).toHaveLength(2);
  });

  test.each<[string, NonNullable<RegistryOptions["source"]>, string]>([
    [
      "throws",
      () => {
        throw new Error("secret");
      },
      "SOURCE_FAILED",
    ],
    ["rejects", () => Promise.reject(new Error("secret")), "SOURCE_FAILED"],
    [
      "throws GONE",
      () => {
        throw new HoldfastError("GONE", "The row was deleted.");
      },
      "GONE",
    ],
    ["gives nothing that could be read", () => undefined as never, "INVALID_OPTION"],
    [
      "throws when it is read",
      async function* () {
        yield* [];
        throw new Error("secret");
      },
      "SOURCE_FAILED",
    ],
  ])("%s, fails its stream for all who came", async (_how, source, expected) => {
    const { registry, clock, connect, observed } = createTestRegistry({ source });
    const clients = [connect("a"), connect("a")];
    await clock.flush();
    for (const client of clients) {
      expect(client.blocks.slice(-2)).toEqual([
        ["stream.error", undefined, expect.objectContaining({ code: expected, retryable: false })],
        ["stream.end", expect.stringMatching(/\.1\.end$/), { status: "failed" }],
      ]);
      expect(client.text).not.toContain("secret");
      expect(client.state).toBe("flushed");
    }
    expect(observed.failed).toMatchObject([{ id: "a", stage: "source" }]);
    await clock.advance(60_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("throws in the middle, fails its stream behind what it gave", async () => {
    const { clock, connect, runs } = onDemand();
    const client = connect("a");
    runs[0]?.give({ data: 1 });
    await clock.flush();
    runs[0]?.fail(new HoldfastError("GONE", "The row was deleted."));
    await clock.flush();
    expect(names(client).slice(2)).toEqual(["message", "stream.error", "stream.end"]);
  });

  test.each<[string, NonNullable<RegistryOptions["source"]>]>([
    ["before it gives anything to read", () => new Promise<never>(() => undefined)],
    [
      "while it is read",
      async function* () {
        await new Promise(() => undefined);
        yield* [];
      },
    ],
  ])("hangs %s, is let go all the same", async (_when, source) => {
    const { registry, clock, connect, observed } = createTestRegistry({ source, linger: 1_000 });
    const client = connect("a");
    await clock.flush();
    expect(names(client)).toEqual(["stream.open", "stream.live"]);
    client.leave();
    await clock.advance(1_000);
    expect([registry.size, clock.timers, observed.failed]).toEqual([0, 0, []]);
  });

  test("gives what there is to read when it was stopped already, has it let go unread", async () => {
    let give: (source: AsyncIterable<Event>) => void = () => undefined;
    const { clock, connect } = createTestRegistry({
      linger: 0,
      source: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    connect("a").leave();
    await clock.advance(0);
    let returned = 0;
    let read = 0;
    give({
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: { data: ++read } }),
        return: async () => ({ done: true, value: ++returned as never }),
      }),
    });
    await clock.flush();
    expect([read, returned]).toEqual([0, 1]);
  });

  test("is a poll, has its outages told, and stops reading with its last client", async () => {
    let reads = 0;
    const { clock, connect, registry } = createTestRegistry({
      linger: 1_000,
      source: (_id, { signal }) =>
        poll({
          signal,
          clock,
          cursor: 0,
          random: () => 0.5,
          read: (cursor) => {
            if (++reads === 2) throw new Error("down");
            return { events: [{ data: cursor }], cursor: cursor + 1 };
          },
        }),
    });
    const [first, second] = [connect("a"), connect("a")];
    await clock.advance(2_000);
    first.leave();
    expect(names(second).filter((name) => name === "stream.error")).toHaveLength(1);
    expect(second.events).toEqual([0, 1, 2, 3]);
    second.leave();
    await clock.advance(1_000);
    const before = reads;
    await clock.advance(10_000);
    expect([reads - before, registry.size, clock.timers]).toEqual([0, 0, 0]);
  });
});

describe("with a snapshot", () => {
  test("a source is started only for what is there and has not finished", async () => {
    const db = database();
    const { clock, connect, runs, observed } = onDemand({ snapshot: db.snapshot });
    const [unknown, done, pending] = [connect("unknown"), connect("done"), connect("pending")];
    expect(runs).toEqual([]);
    db.asked[0]?.answer(undefined);
    db.asked[1]?.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([unknown.status, done.events, runs.length]).toEqual([404, ["all"], 0]);
    await clock.advance(1_000);
    db.asked[2]?.answer({ state: "pending" });
    await clock.flush();
    expect(runs.map(({ id }) => id)).toEqual(["pending"]);
    runs[0]?.give({ data: 1 });
    await clock.flush();
    expect(names(pending)).toEqual(["stream.open", "stream.open", "stream.live", "message"]);
    await clock.advance(10_000);
    expect([db.asked.length, observed.failed]).toEqual([3, []]);
  });

  test("all who were told at once find the one run that the first of them starts", async () => {
    const db = database();
    const { clock, connect, runs } = onDemand({ snapshot: db.snapshot });
    const clients = [connect("a"), connect("a"), connect("a")];
    db.last.answer({ state: "running" });
    await clock.flush();
    runs[0]?.give({ data: 1 });
    await clock.flush();
    expect([runs.length, db.asked.length]).toEqual([1, 1]);
    for (const client of clients) expect(client.events).toEqual([1]);
  });

  test("the database is asked again for a client that comes after the run", async () => {
    const db = database();
    const { clock, connect, runs } = onDemand({ snapshot: db.snapshot, linger: 3_000 });
    const client = connect("a");
    db.last.answer({ state: "pending" });
    await clock.flush();
    client.leave();
    await clock.advance(3_000);
    const late = connect("a");
    db.last.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([late.events, runs.length]).toEqual([["all"], 1]);
  });
});
