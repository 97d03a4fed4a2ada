import type { RegistryOptions } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { sendHttp2 } from "../../src/wire/http2.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { eventsOf, type Frame, framesOf, framesNamed, eventRanges } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { closeReasons } from "../support/recording-observer.ts";
import { nodeHttp, type RunningService, type Service } from "./service.ts";
import type { Proxy, Settings } from "./proxy.ts";
import { type ProxiedService, startProxiedService } from "./proxied-service.ts";
import { GzipClient } from "./gzip-client.ts";

const NEVER = 3_600_000;
const BLOCK = "x".repeat(16_000);
const BUFFER = 256 * 1_024;
/** More than two sockets and a proxy between them buffer. */
const MAX_BUFFERED = 64 << 20;

/** Tests a service behind a proxy. */
export function proxySuite(proxy: Proxy, services: readonly Service[]): void {
  describe.skipIf(proxy.program === undefined)(`behind ${proxy.name}`, () => {
    test("heartbeats keep a silent stream open for longer than the timeout of the proxy", async () => {
      const { registry, send } = await startProxiedService(
        proxy,
        nodeHttp,
        { heartbeat: 200 },
        { timeout: 1 },
      );
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      const heartbeats = (): Frame[] => framesOf(client.text).filter(({ comment }) => comment !== undefined);
      // Three timeouts of one second.
      await eventually(() => expect(heartbeats().length).toBeGreaterThan(15));
      job.push({ data: "still here" });
      await client.until("data: still here\n\n");
    });

    test("without heartbeats the proxy cuts the stream, and the client resumes", async () => {
      const { registry, recorded, send } = await startProxiedService(
        proxy,
        nodeHttp,
        { heartbeat: NEVER },
        { timeout: 1 },
      );
      const job = await registry.open("job");
      const client = send("/job");
      const first = job.push({ data: "first" }) as string;
      await client.until("data: first\n\n");
      await client.finished();
      await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
      job.push({ data: "second" });
      const back = send("/job", { "last-event-id": first });
      await back.until("data: second\n\n");
      expect(eventsOf(back.text)).toHaveLength(1);
    });
  });

  describe.skipIf(proxy.program === undefined).each(services)(`behind ${proxy.name}, $name`, (service) => {
    const start = (options?: RegistryOptions, settings?: Settings): Promise<ProxiedService> =>
      startProxiedService(proxy, service, options, settings);

    test("the handshake arrives before the first event, and events arrive one by one", async () => {
      const { registry, send } = await start();
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      expect(client).toMatchObject({ status: 200, headers: { "content-type": "text/event-stream" } });
      for (let count = 1; count <= 50; count++) {
        job.push({ data: count });
        await client.untilEndsWith(`data: ${count}\n\n`);
      }
    });

    test("the same if the proxy compresses", async () => {
      const { registry, proxy: running, disconnectLater } = await start({}, { gzip: true });
      const job = await registry.open("job");
      const client = disconnectLater(new GzipClient(running.port, { path: "/job" }));
      await client.until("event: stream.live");
      for (let count = 1; count <= 50; count++) {
        job.push({ data: count });
        await client.untilEndsWith(`data: ${count}\n\n`);
      }
      expect(client.headers["content-encoding"]).toBe(proxy.respectsNoTransform ? undefined : "gzip");
    });

    // A heartbeat would detect it later; the proxy must close its connection at once.
    describe("the service notices that a client disconnects", () => {
      test.each(["cut", "reset"] as const)("on an idle stream: %s", async (disconnect) => {
        const { registry, recorded, send } = await start({ heartbeat: NEVER });
        await registry.open("job");
        const client = send("/job");
        await client.until("event: stream.live");
        expect(registry.gauges().connections).toBe(1);
        client[disconnect]();
        await eventually(() => expect(registry.gauges().connections).toBe(0));
        expect(closeReasons(recorded)).toEqual(["disconnected"]);
      });

      test.each(["cut", "reset"] as const)(
        "while the client waits for its stream: %s",
        async (disconnect) => {
          const { registry, recorded, send } = await start({ heartbeat: NEVER });
          const client = send("/later");
          await client.until('"state":"waiting"');
          expect(registry.gauges().waiting).toBe(1);
          client[disconnect]();
          await eventually(() => expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 }));
          expect(closeReasons(recorded)).toEqual(["disconnected"]);
        },
      );

      test.each(["cut", "reset"] as const)("while the client does not read: %s", async (disconnect) => {
        const {
          registry,
          recorded,
          service: running,
          send,
        } = await start({
          heartbeat: NEVER,
          idleTimeout: NEVER,
          buffer: { bytes: BUFFER },
        });
        const feed = registry.channel("feed");
        const client = send("/feed");
        await client.until("event: stream.live");
        client.pause();
        await fillTransport(running, () => feed.push({ data: BLOCK }));
        client[disconnect]();
        await eventually(() => expect(registry.gauges().connections).toBe(0));
        expect(closeReasons(recorded)).toEqual(["disconnected"]);
      });
    });

    test("a client that resumes receives the rest, and only that", async () => {
      const { registry, send } = await start();
      const job = await registry.open("job");
      const client = send("/job");
      for (let count = 1; count <= 500; count++) job.push({ data: count });
      const half = `${job.epoch}.250`;
      await client.until(`id: ${half}\n`);
      client.reset();
      for (let count = 501; count <= 1_000; count++) job.push({ data: count });
      await job.end();
      const back = send("/job", { "last-event-id": half });
      expect(await back.finished()).toBe("ended");
      expect(eventRanges(back.text)).toEqual([{ from: 251, to: 1_000, lost: false }]);
      expect(framesNamed(back.text, "stream.reset")).toEqual([]);
    });

    test("the terminal id is answered with 204, and the connection serves the next request", async () => {
      const { registry, send } = await start();
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      await job.end({ data: "the last" });
      expect(await client.finished()).toBe("ended");
      const end = framesNamed(client.text, "stream.end")[0]?.id as string;
      const after = client.sendNext({ path: "/job", headers: { "last-event-id": end } });
      await after.answered();
      expect(after).toMatchObject({ status: 204, headers: { "cache-control": "no-store" }, text: "" });
      const next = after.sendNext({ path: "/job" });
      await next.until("data: the last\n\n");
    });

    test("HEAD is answered with headers only, and a stream that does not exist with 404", async () => {
      const { registry, send } = await start({ snapshot: async () => undefined });
      await registry.open("job");
      const head = await send("/job", {}, "HEAD").answered();
      expect(head).toMatchObject({ status: 200, headers: { "content-type": "text/event-stream" } });
      const missing = await head.sendNext({ path: "/missing" }).answered();
      expect(missing).toMatchObject({ status: 404, headers: { "cache-control": "no-store" } });
      await eventually(() => expect(registry.gauges().connections).toBe(0));
    });

    test("the service keeps no more than a cursor for a slow client, which then learns exactly what it missed", async () => {
      const {
        registry,
        service: running,
        send,
      } = await start({ buffer: { bytes: BUFFER }, idleTimeout: NEVER });
      const feed = registry.channel("feed");
      const client = send("/feed");
      await client.until("event: stream.live");
      client.pause();
      await fillTransport(running, () => feed.push({ data: BLOCK }));
      for (let count = 0; count < 100; count++) {
        for (let block = 0; block < 10; block++) feed.push({ data: BLOCK });
        await turns(3);
        expect(bufferedBytes(running)).toBeLessThanOrEqual(BUFFER);
        expect(registry.gauges().bytes).toBeLessThanOrEqual(BUFFER);
      }
      client.resume();
      feed.push({ data: "the last" });
      await client.untilEndsWith("data: the last\n\n");
      const ranges = eventRanges(client.text);
      expect(ranges.some(({ lost }) => lost)).toBe(true);
      expect(ranges[0]?.from).toBe(1);
      ranges.reduce((before, next) => (expect(next.from).toBe(before.to + 1), next));
      expect(ranges.at(-1)?.to).toBe(registry.get("feed")?.last);
    });

    if (!proxy.http2) return;
    test("one HTTP/2 connection carries eight streams", async () => {
      const { registry, recorded, proxy: running, disconnectLater } = await start();
      const jobs = await Promise.all(Array.from({ length: 8 }, (_, at) => registry.open(`job-${at}`)));
      const first = disconnectLater(sendHttp2("https", running.tlsPort, { path: "/job-0" }));
      const clients = jobs.map(({ id }, at) => (at === 0 ? first : first.sendNext({ path: `/${id}` })));
      for (const client of clients) await client.until("event: stream.live");
      jobs.forEach((job, at) => job.push({ data: `for ${at}` }));
      for (const [at, client] of clients.entries()) await client.until(`data: for ${at}\n\n`);
      // One client disconnects; the others continue.
      first.reset();
      await eventually(() => expect(registry.gauges().connections).toBe(7));
      expect(closeReasons(recorded)).toEqual(["disconnected"]);
      for (const job of jobs) await job.end();
      for (const client of clients.slice(1)) expect(await client.finished()).toBe("ended");
    });
  });
}

/** Tests a proxy that does not tell the service when a client disconnects. */
export function proxyHidesDisconnects(proxy: Proxy): void {
  test.skipIf(proxy.program === undefined)(
    `behind ${proxy.name} a heartbeat detects that a client has disconnected`,
    async () => {
      const { registry, recorded, send } = await startProxiedService(proxy, nodeHttp, { heartbeat: 50 });
      await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      client.cut();
      await eventually(() => expect(registry.gauges().connections).toBe(0));
      expect(closeReasons(recorded)).toEqual(["disconnected"]);
    },
  );
}

/** Pushes until the connection of the service is full. */
async function fillTransport({ sockets }: RunningService, push: () => void): Promise<void> {
  let pushed = 0;
  while (![...sockets].some(({ writableNeedDrain }) => writableNeedDrain)) {
    for (let count = 0; count < 8; count++) push();
    pushed += 8 * BLOCK.length;
    if (pushed > MAX_BUFFERED) throw new Error("The proxy buffers everything.");
    await turns(3);
  }
}

function bufferedBytes({ sockets }: RunningService): number {
  return [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0);
}
