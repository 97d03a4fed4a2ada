import { describe, expect, test } from "vitest";
import type { BareConnection, Channel, Registry, SseEvent } from "@holdfast/core";
import { adapters } from "./adapters/index.ts";
import type { Client } from "./clients/client.ts";
import { eventually } from "./support/eventually.ts";
import { eventsOf, named, stretchesOf } from "./support/frames.ts";
import { serving, type Server } from "./support/start.ts";
import { turns } from "./support/turns.ts";
import { createWatch, reasonsOf } from "./support/watch.ts";
import { watchedRegistry } from "./support/watched-registry.ts";

const BUFFER = 256 * 1_024;
/** A socket's own buffer, and a run of frames behind it, twice: the web stream between them has the same. */
const OUTBOX = 256 * 1_024;
const EVENT: SseEvent = { data: "x".repeat(4_000) };
const BATCH = 16;

const blockOf = (id: string): string => `id: ${id}\ndata: ${EVENT.data as string}\n\n`;

/** Pushes a batch and waits until `reader` has it. */
async function pushBatch(
  registry: Registry,
  feed: Channel<Record<string, unknown>>,
  reader?: Client,
): Promise<void> {
  for (let count = 0; count < BATCH; count++) feed.push(EVENT);
  const { epoch, last } = registry.get("feed") ?? {};
  if (reader === undefined) await turns(3);
  else await reader.untilLast(blockOf(`${epoch}.${last}`));
}

/** Pushes until nothing more goes out to `client`, which has paused, and once more, so that its connection is held. */
async function fill(server: Server, client: Client, push: () => Promise<void>): Promise<void> {
  do await push();
  while (!server.outbox(client).full);
  await push();
}

describe.each(adapters)("$name under pressure", (adapter) => {
  test("a client that stalls costs a cursor, and is told exactly what it missed", async () => {
    const { registry, watch } = watchedRegistry({ buffer: { bytes: BUFFER } });
    const feed = registry.channel("feed");
    const server = await serving(adapter, () => feed);
    const [stalled, other] = [await server.get(), await server.get()];
    await Promise.all([stalled.until("event: stream.live"), other.until("event: stream.live")]);
    const push = (): Promise<void> => pushBatch(registry, feed, other);

    stalled.pause();
    await fill(server, stalled, push);
    for (let batch = 0; batch < 32; batch++) {
      await push();
      expect(server.outbox(stalled).bytes).toBeLessThanOrEqual(OUTBOX);
      expect(registry.gauges().bytes).toBeLessThanOrEqual(BUFFER);
    }
    const { epoch, last = 0 } = registry.get("feed") ?? {};
    expect(stretchesOf(other.text)).toEqual([{ from: 1, to: last, lost: false }]);

    stalled.resume();
    await stalled.untilLast(blockOf(`${epoch}.${last}`));
    const stretches = stretchesOf(stalled.text);
    expect(stretches.some(({ lost }) => lost)).toBe(true);
    // Without a hole, and without an overlap.
    expect(stretches[0]?.from).toBe(1);
    stretches.reduce((before, next) => (expect(next.from).toBe(before.to + 1), next));
    expect(stretches.at(-1)?.to).toBe(last);
    expect(named(stalled.text, "stream.reset")[0]?.data).toContain('"reason":"trimmed"');
    expect(watch.resets).toHaveLength(stretches.filter(({ lost }) => lost).length);
  });

  test("a client that stalls for `idleTimeout` is destroyed, and the others go on", async () => {
    const { registry, watch } = watchedRegistry({ buffer: { bytes: BUFFER }, idleTimeout: 100 });
    const feed = registry.channel("feed");
    const server = await serving(adapter, () => feed);
    const [stalled, other] = [await server.get(), await server.get()];
    await Promise.all([stalled.until("event: stream.live"), other.until("event: stream.live")]);
    const push = (): Promise<void> => pushBatch(registry, feed, other);

    stalled.pause();
    await fill(server, stalled, push);
    await eventually(() => expect(reasonsOf(watch)).toEqual(["zombie"]));
    expect(registry.gauges().connections).toBe(1);
    // The transport has let it go as well.
    await eventually(() => expect(server.outbox(stalled).bytes).toBe(0));
    await eventually(() => expect(server.clients()).toBe(1));
    stalled.resume();
    expect(await stalled.over()).toBe("cut");
    await push();
    expect(other.state).toBe("open");
    expect(reasonsOf(watch)).toEqual(["zombie"]);
  });

  test("a client that stalls at the end of its stream is destroyed", async () => {
    const { registry, watch } = watchedRegistry({ buffer: { bytes: 16 << 20 }, idleTimeout: 100 });
    const feed = await registry.open("feed");
    const server = await serving(adapter, () => feed);
    const client = await server.get();
    await client.until("event: stream.live");
    client.pause();
    await fill(server, client, async () => {
      for (let count = 0; count < BATCH; count++) feed.push(EVENT);
      await turns(3);
    });
    await feed.end();
    await eventually(() => expect(reasonsOf(watch)).toEqual(["zombie"]));
    await eventually(() => expect(server.clients()).toBe(0));
    client.resume();
    expect(await client.over()).toBe("cut");
  });

  test("a slow client gets everything that is held", async () => {
    const { registry } = watchedRegistry({ buffer: { bytes: 64 << 20 } });
    const feed = await registry.open("feed");
    const server = await serving(adapter, () => feed);
    const client = await server.get();
    await client.until("event: stream.live");
    for (let round = 0; round < 2; round++) {
      client.pause();
      await fill(server, client, async () => {
        for (let count = 0; count < BATCH; count++) feed.push(EVENT);
        await turns(3);
      });
      client.resume();
      await client.untilLast(blockOf(`${feed.epoch}.${registry.get("feed")?.last}`));
    }
    await feed.end();
    expect(await client.over()).toBe("ended");
    expect(stretchesOf(client.text)).toEqual([{ from: 1, to: eventsOf(client.text).length, lost: false }]);
  });

  describe("a bare generator", () => {
    test("is not pulled while its client takes nothing, and let go when it leaves", async () => {
      let pulled = 0;
      let finished = false;
      async function* numbers(): AsyncGenerator<SseEvent> {
        try {
          for (;;) yield { ...EVENT, id: String(++pulled) };
        } finally {
          finished = true;
        }
      }
      const watch = createWatch();
      const server = await serving(adapter, () => numbers(), { observer: watch.observer });
      const client = await server.get();
      await client.until("id: 10\n");
      client.pause();
      await eventually(() => expect(server.outbox(client).full).toBe(true));
      // Full is what the transport says first; what is on its way to it comes to rest.
      await turns(10);
      const before = pulled;
      await turns(100);
      expect(pulled).toBe(before);
      expect(server.outbox(client).bytes).toBeLessThanOrEqual(OUTBOX);

      client.resume();
      await client.until(`id: ${before + 100}\n`);
      client.pause();
      await eventually(() => expect(server.outbox(client).full).toBe(true));
      client.cut();
      await eventually(() => expect(finished).toBe(true), 1_000);
      await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
    });

    test("that pushes faster than its client reads costs `buffer`, and then the connection", async () => {
      const watch = createWatch();
      let over = false;
      const source = (connection: BareConnection): (() => void) => {
        const timer = setInterval(() => {
          for (let count = 0; count < 64; count++) connection.push(EVENT);
        }, 1);
        connection.signal.addEventListener("abort", () => {
          over = true;
        });
        return () => clearInterval(timer);
      };
      const server = await serving(adapter, () => source, {
        observer: watch.observer,
        buffer: { bytes: BUFFER },
      });
      const client = await server.get();
      client.pause();
      await eventually(() => expect(reasonsOf(watch)).toEqual(["overflow"]));
      expect(over).toBe(true);
      client.resume();
      expect(await client.over()).toBe("cut");
    });
  });
});
