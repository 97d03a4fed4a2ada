import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Registry, Source } from "@holdfast/core";
import type { Adapter } from "./adapters/adapter.ts";
import { adapters } from "./adapters/index.ts";
import type { Client } from "./clients/client.ts";
import { deferred } from "./support/deferred.ts";
import { eventually } from "./support/eventually.ts";
import { quiet } from "./support/sources.ts";
import { serving, type Server, start } from "./support/start.ts";
import { turns } from "./support/turns.ts";
import { createWatch, reasonsOf } from "./support/watch.ts";
import { watchedRegistry } from "./support/watched-registry.ts";

const BLOCK = "x".repeat(16_000);

/** A client is seen to leave within a second, however it leaves. */
const SOON = 1_000;

/** Where a client is when it leaves. */
const places: [
  string,
  (registry: Registry, adapter: Adapter) => Promise<{ server: Server; client: Client }>,
][] = [
  [
    "while nothing happens",
    async (registry, adapter) => {
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      await client.until("event: stream.live");
      return { server, client };
    },
  ],
  [
    "while it waits for its stream",
    async (registry, adapter) => {
      const server = await serving(adapter, () => registry.stream("later"));
      const client = await server.get();
      await client.until('"state":"waiting"');
      expect(registry.gauges().waiting).toBe(1);
      return { server, client };
    },
  ],
  [
    "in the middle of a replay",
    async (registry, adapter) => {
      const long = await registry.open("long", { buffer: { bytes: 16 << 20 } });
      for (let count = 0; count < 500; count++) long.push({ data: BLOCK });
      const server = await serving(adapter, () => long);
      const client = await server.get();
      await client.until(`id: ${long.epoch}.1\n`);
      return { server, client };
    },
  ],
];

/** While it takes nothing. A client that has only closed its own half may yet read: that one is left to `idleTimeout`. */
const stalled: typeof places = [
  [
    "while it takes nothing",
    async (registry, adapter) => {
      const server = await serving(adapter, () => registry.channel("feed"));
      const client = await server.get();
      await client.until("event: stream.live");
      client.pause();
      while (!server.outbox(client).full) {
        for (let count = 0; count < 8; count++) registry.channel("feed").push({ data: BLOCK });
        await turns(3);
      }
      return { server, client };
    },
  ],
];

/** What is written to the console from now on, by whomever. */
function listenToConsole(): () => unknown[] {
  const spies = (["error", "warn", "info"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(() => undefined),
  );
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  return () => spies.flatMap(({ mock }) => mock.calls);
}

describe.each(adapters)("$name sees its client leave", (adapter) => {
  const cases = [
    ...places.flatMap(([where, go]) => adapter.leavings.map((leave) => [where, leave, go] as const)),
    ...stalled.flatMap(([where, go]) =>
      adapter.leavings.filter((leave) => leave !== "halfClose").map((leave) => [where, leave, go] as const),
    ),
  ];

  test.each(cases)("%s: %s", async (_where, leave, go) => {
    const said = listenToConsole();
    const { registry, watch } = watchedRegistry({ linger: 20 });
    const job = await registry.open("job");
    const { server, client } = await go(registry, adapter);
    expect(registry.gauges().connections).toBe(1);
    client[leave]?.();
    await eventually(() => {
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
      expect(server.handling).toBe(0);
    }, SOON);
    expect(reasonsOf(watch)).toEqual(["disconnected"]);

    // The writer goes on, and another client is served.
    job.push({ data: "after" });
    const other = await (await serving(adapter, () => registry.stream("job"))).get();
    await other.until("data: after\n\n");
    await job.end();
    expect(await other.over()).toBe("ended");
    await eventually(() => expect(registry.get("job")).toBeUndefined());
    expect(reasonsOf(watch)).toEqual(["disconnected", "ended"]);
    // That clients leave is no news.
    expect(said()).toEqual([]);
  });

  test.each(adapter.signalled)("before it was served, and nothing is registered: %s", async (leave) => {
    const { registry, watch } = watchedRegistry();
    const bare = createWatch();
    const job = await registry.open("job");
    const sources: Source[] = [job, registry.stream("later"), registry.channel("lobby"), quiet];
    for (const source of sources) {
      const gone = deferred();
      const outcomes: unknown[] = [];
      const server = await start(adapter, async ({ sse }) => {
        await gone.promise;
        try {
          return await sse(source, source === quiet ? { observer: bare.observer } : {});
        } catch (error) {
          outcomes.push(error);
          throw error;
        } finally {
          outcomes.push("over");
        }
      });
      const client = server.send();
      await eventually(() => expect(server.handling).toBe(1));
      client[leave]?.();
      await eventually(() => expect(server.clients()).toBe(0), SOON);
      gone.resolve();
      await eventually(() => expect(server.handling).toBe(0));
      expect(outcomes).toEqual(["over"]);
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    }
    expect(job.readers).toBe(0);
    expect(watch.opened + bare.opened).toBe(0);
  });

  test.each(adapter.signalled)("while its snapshot is looked up, and nothing is begun: %s", async (leave) => {
    const answer = deferred();
    let asked = 0;
    const { registry, watch } = watchedRegistry({
      snapshot: async () => {
        asked++;
        await answer.promise;
        return { state: "pending" };
      },
    });
    const server = await serving(adapter, () => registry.stream("job"));
    const client = server.send();
    await eventually(() => expect(asked).toBe(1));
    expect(registry.gauges().connections).toBe(1);
    client[leave]?.();
    await eventually(() => {
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
      expect(server.handling).toBe(0);
    }, SOON);
    answer.resolve();
    await turns(10);
    expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    expect(watch.opened).toBe(0);
  });

  test("a hundred at once", async () => {
    const { registry, watch } = watchedRegistry();
    const feed = registry.channel("feed");
    const server = await serving(adapter, () => feed);
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.get()));
    for (const client of clients) await client.until("event: stream.live");
    expect(registry.gauges().connections).toBe(100);
    for (const client of clients) client.cut();
    await eventually(() => expect(registry.gauges().connections).toBe(0), SOON);
    expect(reasonsOf(watch)).toEqual(Array(100).fill("disconnected"));
    expect(registry.get("feed")?.readers).toBe(0);
  });
});
