// Covers src/registry/{stream-lookup,unopened-check}.ts: how waiting for a stream ends. What a client gets while it waits is
// tested in stream-lookup.test.ts.

import { describe, expect, test } from "vitest";
import type { ControlEvent } from "../../src/protocol/control-events.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Store } from "../../src/store/store.ts";
import type { Message } from "../../src/stream/subscription.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { createCluster } from "../support/cluster.ts";
import { createFaultyStore } from "../support/faulty-store.ts";
import { createTestRegistry, type TestClient, type TestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const eventNames = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

/** A cursor of a life that no registry here has. */
const CURSOR = "0123456789.3";
const WAIT = 90_000;
const TERMINAL = /^[0-9a-z]{10}\.0\.end$/;

const GONE: TestClient["blocks"] = [
  ["stream.error", undefined, { code: "GONE", message: "There is no such stream.", retryable: false }],
  ["stream.end", expect.stringMatching(TERMINAL) as unknown as string, { status: "lost" }],
];

/** Connects a client of a stream that was there once, and lets it wait. */
async function waitInVain(
  options?: RegistryOptions,
): Promise<TestRegistry & { readonly client: TestClient }> {
  const fixture = createTestRegistry(options);
  const client = fixture.connect("a", { cursor: CURSOR });
  await fixture.clock.advance(WAIT);
  return { ...fixture, client };
}

const lastId = ({ text }: TestClient): string => /^id: (.*)$/m.exec(text)?.[1] ?? "";

describe("a client with a cursor of a life that is nowhere", () => {
  test("waits for `wait`, and is then told that the stream is gone, for good", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const client = connect("a", { cursor: CURSOR });
    await clock.advance(WAIT - 1);
    expect(eventNames(client)).toEqual(["stream.open"]);
    await clock.advance(1);
    expect(client.blocks.slice(1)).toEqual(GONE);
    // Only that of `stream.open`.
    expect(client.text.match(/^retry:/gm)).toHaveLength(1);
    expect(client.state).toBe("flushed");
    expect(observed.connectionClosed).toMatchObject([{ reason: "ended" }]);
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    expect(clock.timers).toBe(0);
    expect(connect("a", { cursor: lastId(client) }).status).toBe(204);
  });

  test.each([undefined, "", "nonsense", "42"])("but without one (%j) it waits again", async (cursor) => {
    const { clock, connect } = createTestRegistry();
    const client = connect("a", cursor === undefined ? {} : { cursor });
    await clock.advance(WAIT);
    expect(client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "waiting" }]);
  });

  test.each([0, 500])("is told after a `wait` of %d ms, too", async (wait) => {
    const { clock, connect } = createTestRegistry({ wait });
    const client = connect("a", { cursor: CURSOR });
    await clock.advance(wait);
    expect(client.blocks.slice(1)).toEqual(GONE);
  });

  test("waits for ever with `wait: Infinity`", async () => {
    const { clock, connect } = createTestRegistry({ wait: Infinity, maxDuration: Infinity });
    const client = connect("a", { cursor: CURSOR });
    await clock.advance(1e9);
    expect(client.state).toBe("open");
  });

  test("is served if the stream is opened in time", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("a", { cursor: CURSOR });
    await clock.advance(WAIT - 1);
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.advance(WAIT);
    expect(eventNames(client)).toEqual([
      "stream.open",
      "stream.open",
      "stream.reset",
      "stream.live",
      "message",
    ]);
  });

  test("is served if the stream is opened before it has taken what came before", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("a", { cursor: CURSOR });
    client.stall();
    await clock.advance(WAIT + 10);
    expect(client.state).toBe("open");
    const job = await registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    client.drain();
    expect(client.events).toEqual([1]);
    expect(client.text).not.toContain("GONE");
  });

  test("is told as soon as it takes bytes again, or cut if it never does", async () => {
    const { clock, connect } = createTestRegistry();
    const clients = [connect("a", { cursor: CURSOR }), connect("a", { cursor: CURSOR })] as const;
    for (const client of clients) client.stall();
    await clock.advance(WAIT + 10);
    clients[0].drain();
    expect(clients[0].blocks.slice(1)).toEqual(GONE);
    await clock.advance(WAIT);
    expect(clients[1].state).toBe("destroyed");
    expect(clock.timers).toBe(0);
  });

  test("waits again where a snapshot knows the stream, or a source can start it", async () => {
    const pending = await waitInVain({ snapshot: () => ({ state: "pending" }) });
    expect(pending.client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "waiting" }]);
    const sourced = await waitInVain({
      source: async function* () {
        yield { data: 1 };
      },
    });
    expect(sourced.client.events).toEqual([1]);
  });

  test("is served by a channel, which always comes back", async () => {
    const { registry, connect } = createTestRegistry();
    const client = connect(registry.channel("room"), { cursor: CURSOR });
    expect(eventNames(client)).toEqual(["stream.open", "stream.reset", "stream.live"]);
  });

  test("is drained while the registry closes", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const client = connect("a", { cursor: CURSOR });
    const closed = registry.close();
    await clock.advance(WAIT);
    await closed;
    expect(client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "shutdown" }]);
  });

  describe("without control events", () => {
    test("is cut behind a terminal id, and then gets 204", async () => {
      const { client, connect } = await waitInVain({ control: false });
      expect(client.text).toMatch(/^retry: \d+\n\n(:\n\n)*id: [0-9a-z]{10}\.0\.end\n\n$/);
      expect(client.state).toBe("cut");
      expect(connect("a", { cursor: lastId(client) }).status).toBe(204);
    });

    test("is cut behind the events of the application that stand for GONE and the end", async () => {
      const control = ({ event, data }: ControlEvent): SseEvent | undefined => {
        if (event === "stream.error") return { event: "problem", data: data.code };
        return event === "stream.end" ? { event: "over", data: data.status } : undefined;
      };
      const { client, connect } = await waitInVain({ control });
      expect(client.blocks).toEqual([
        ["problem", undefined, "GONE"],
        ["over", expect.stringMatching(TERMINAL), "lost"],
      ]);
      expect(client.state).toBe("cut");
      expect(connect("a", { cursor: lastId(client) }).status).toBe(204);
    });
  });
});

/** A registry on a store whose answers the test can hold back. It is read every 3.5 s. */
function createStoreFixture(options: RegistryOptions = {}) {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  let answered = Promise.resolve();
  let release = (): void => undefined;
  let reads = 0;
  const faulty = createFaultyStore(store, { clock, random: () => 0.5 });
  faulty.wakeUpFates = ["dropped"];
  const link: Store = {
    ...faulty,
    async read(...args) {
      reads++;
      const page = await store.read(...args);
      await answered;
      return page;
    },
  };
  const local = createTestRegistry({ store: link, wait: 11_000, ...options }, clock);
  const remote = createTestRegistry({ store }, clock);
  return {
    clock,
    local,
    remote,
    get reads() {
      return reads;
    },
    /** The store looks, but does not answer before the returned function is called. */
    holdAnswers() {
      answered = new Promise((resolve) => {
        release = resolve;
      });
    },
    releaseAnswers() {
      answered = Promise.resolve();
      release();
    },
    async close() {
      const closed = [local, remote].map(({ registry }) => registry.close({ deadline: 0, spread: 0 }));
      await clock.advance(0);
      await Promise.all(closed);
      expect(clock.timers).toBe(0);
    },
  };
}

describe("with a store, a client with a cursor of a life that is nowhere", () => {
  test("is told so after one more look", async () => {
    const fixture = createStoreFixture();
    const { clock, local } = fixture;
    const client = local.connect("a", { cursor: CURSOR });
    await clock.advance(10_999);
    const { reads } = fixture;
    expect(eventNames(client)).toEqual(["stream.open"]);
    await clock.advance(1);
    expect(fixture.reads).toBe(reads + 1);
    expect(client.blocks.slice(1)).toEqual(GONE);
    await fixture.close();
  });

  test("is not told so by a look that began before `wait` was over", async () => {
    const fixture = createStoreFixture();
    const { clock, local, remote } = fixture;
    const client = local.connect("a", { cursor: CURSOR });
    await clock.advance(10_400);
    fixture.holdAnswers();
    // This look finds nothing.
    await clock.advance(200);
    const job = await remote.registry.open("a");
    job.push({ data: 1 });
    await clock.advance(500);
    expect(eventNames(client)).toEqual(["stream.open"]);
    fixture.releaseAnswers();
    await clock.advance(10);
    expect(client.events).toEqual([1]);
    expect(client.text).not.toContain("GONE");
    await fixture.close();
  });

  test("is served if the stream is opened here during the last look", async () => {
    const fixture = createStoreFixture();
    const { clock, local } = fixture;
    const client = local.connect("a", { cursor: CURSOR });
    await clock.advance(10_999);
    fixture.holdAnswers();
    await clock.advance(1);
    const job = await local.registry.open("a");
    job.push({ data: 1 });
    await clock.flush();
    fixture.releaseAnswers();
    await clock.advance(10);
    expect(client.events).toEqual([1]);
    expect(client.text).not.toContain("GONE");
    await fixture.close();
  });

  test("waits again, here or elsewhere, if the store does not answer", async () => {
    const { processes, clock, close } = createCluster();
    const client = processes[1].connect("a", { cursor: CURSOR });
    await clock.advance(80_000);
    processes[1].link.callFates = ["rejected"];
    await clock.advance(20_000);
    expect(eventNames(client)).toEqual(["stream.open", "stream.error", "stream.drain"]);
    expect(client.blocks.at(-1)?.[2]).toEqual({ reason: "waiting" });
    await close();
    expect(clock.timers).toBe(0);
  });

  test("is served its life from any process that shares the store", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    await clock.advance(WAIT);
    const client = processes[1].connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    expect(client.events).toEqual([2]);
    await close();
  });
});

describe("a subscriber in this process", () => {
  const first = (messages: AsyncIterator<Message>): Promise<unknown> => {
    const pending = messages.next();
    pending.catch(() => undefined);
    return pending;
  };

  test.each([undefined, CURSOR, "nonsense"])(
    "throws GONE after `wait`, with the cursor %j",
    async (cursor) => {
      const { registry, clock } = createTestRegistry({ wait: 5_000 });
      let isOver = false;
      const pending = first(registry.subscribe("a", cursor === undefined ? {} : { cursor }));
      const over = (): void => {
        isOver = true;
      };
      pending.then(over, over);
      await clock.advance(4_999);
      expect(isOver).toBe(false);
      await clock.advance(1);
      await expect(pending).rejects.toMatchObject({ code: "GONE", retryable: false });
      expect(clock.timers).toBe(0);
    },
  );

  test("throws GONE after the `wait` of a reference", async () => {
    const { registry, clock } = createTestRegistry();
    const pending = first(registry.subscribe(registry.stream("a", { wait: 100 })));
    await clock.advance(100);
    await expect(pending).rejects.toEqual(code("GONE"));
  });

  test.each([undefined, CURSOR])(
    "with a store throws GONE after `wait`, with the cursor %j",
    async (cursor) => {
      const { processes, clock, close } = createCluster();
      const pending = first(processes[1].registry.subscribe("a", cursor === undefined ? {} : { cursor }));
      await clock.advance(WAIT);
      await expect(pending).rejects.toEqual(code("GONE"));
      await close();
    },
  );

  test.each([undefined, CURSOR])(
    "does not take a store that is away for a stream that is gone, with the cursor %j",
    async (cursor) => {
      const { processes, clock, close } = createCluster();
      const options = cursor === undefined ? {} : { cursor };
      const [gone, served] = ["gone", "served"].map((id) =>
        first(processes[1].registry.subscribe(id, { ...options, onReset: () => undefined })),
      );
      await clock.advance(80_000);
      processes[1].link.callFates = ["rejected"];
      await clock.advance(60_000);
      const job = await processes[0].registry.open("served");
      job.push({ data: 1 });
      processes[1].link.callFates = ["ok"];
      await clock.advance(10_000);
      await expect(gone).rejects.toEqual(code("GONE"));
      expect(await served).toMatchObject({ value: { data: "1" } });
      await close();
    },
  );
});

describe("the first client that waits in vain for an id that nobody opened", () => {
  const warned = ({ observed }: TestRegistry): unknown[] => observed.warned.map(({ id }) => id);

  test("is reported as a warning, once for a registry", async () => {
    const fixture = createTestRegistry();
    fixture.connect("typo");
    await fixture.clock.advance(WAIT - 1);
    expect(warned(fixture)).toEqual([]);
    await fixture.clock.advance(1);
    expect(fixture.observed.warned).toEqual([
      { id: "typo", message: expect.stringMatching(/nobody has opened it.*`snapshot`/) },
    ]);
    for (const id of ["typo", "other"]) fixture.connect(id);
    await fixture.clock.advance(WAIT);
    expect(warned(fixture)).toEqual(["typo"]);
  });

  test("is none if the stream is opened in time, was there once, or may exist elsewhere", async () => {
    const opened = createTestRegistry();
    opened.connect("a");
    await opened.clock.advance(WAIT - 1);
    await opened.registry.open("a");
    await opened.clock.advance(WAIT);
    const pending = createTestRegistry({ snapshot: () => ({ state: "pending" }) });
    pending.connect("a");
    await pending.clock.advance(WAIT);
    const fixtures = [opened, pending, await waitInVain()];
    expect(fixtures.map(warned)).toEqual([[], [], []]);
  });

  test("is reported with a store, too, if that does not have the stream", async () => {
    const { processes, clock, close } = createCluster();
    const [away, local] = processes;
    away.link.callFates = ["rejected"];
    for (const { connect } of [away, local]) connect("a");
    await clock.advance(WAIT);
    expect([away, local].map(warned)).toEqual([[], ["a"]]);
    await close();
  });

  test("is none of a subscriber, which gets GONE", async () => {
    const fixture = createTestRegistry();
    const pending = expect(fixture.registry.subscribe("a").next()).rejects.toEqual(code("GONE"));
    await fixture.clock.advance(WAIT);
    await pending;
    expect(warned(fixture)).toEqual([]);
  });
});
