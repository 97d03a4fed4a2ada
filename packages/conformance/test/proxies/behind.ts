import type { RegistryOptions } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { sendHttp2 } from "../../src/wire/http2.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { eventsOf, type Frame, framesOf, named, stretchesOf } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { reasonsOf } from "../support/watch.ts";
import { type App, nodeHttp, type RunningApp } from "./app.ts";
import type { Proxy, Settings } from "./proxy.ts";
import { type Scene, setScene } from "./scene.ts";
import { UnzippingClient } from "./unzipping-client.ts";

const NEVER = 3_600_000;
const BLOCK = "x".repeat(16_000);
const BUFFER = 256 * 1_024;
/** What two sockets and a proxy between them may hold, by far. */
const IN_BETWEEN = 64 << 20;

/** What must hold with a proxy between a service and its clients. */
export function behind(proxy: Proxy, services: readonly App[]): void {
  describe.skipIf(proxy.program === undefined)(`behind ${proxy.name}`, () => {
    test("heartbeats keep a silent stream through several of the proxy's timeouts", async () => {
      const { registry, send } = await setScene(proxy, nodeHttp, { heartbeat: 200 }, { timeout: 1 });
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      const heartbeats = (): Frame[] => framesOf(client.text).filter(({ comment }) => comment !== undefined);
      // Over 3 s.
      await eventually(() => expect(heartbeats().length).toBeGreaterThan(15), 10_000);
      job.push({ data: "still here" });
      await client.until("data: still here\n\n");
    });

    test("without them it is cut, and the client comes back for the rest", async () => {
      const { registry, watch, send } = await setScene(proxy, nodeHttp, { heartbeat: NEVER }, { timeout: 1 });
      const job = await registry.open("job");
      const client = send("/job");
      const first = job.push({ data: "first" });
      await client.until("data: first\n\n");
      await client.over();
      await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
      job.push({ data: "second" });
      const back = send("/job", { "last-event-id": first });
      await back.until("data: second\n\n");
      expect(eventsOf(back.text)).toHaveLength(1);
    });
  });

  describe.skipIf(proxy.program === undefined).each(services)(`behind ${proxy.name}, $name`, (service) => {
    const scene = (options?: RegistryOptions, settings?: Settings): Promise<Scene> =>
      setScene(proxy, service, options, settings);

    test("a client is told of its stream before there is an event, and gets events one by one", async () => {
      const { registry, send } = await scene();
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      expect(client).toMatchObject({ status: 200, headers: { "content-type": "text/event-stream" } });
      for (let count = 1; count <= 50; count++) {
        job.push({ data: count });
        await client.untilLast(`data: ${count}\n\n`);
      }
    });

    test("so it does where the proxy compresses", async () => {
      const { registry, proxy: running, see } = await scene({}, { gzip: true });
      const job = await registry.open("job");
      const client = see(new UnzippingClient(running.port, { path: "/job" }));
      await client.until("event: stream.live");
      for (let count = 1; count <= 50; count++) {
        job.push({ data: count });
        await client.untilLast(`data: ${count}\n\n`);
      }
      expect(client.headers["content-encoding"]).toBe(proxy.sparesNoTransform ? undefined : "gzip");
    });

    // Heartbeats find out sooner or later; a proxy has to say it at once.
    describe("a client that leaves is gone for the service as well", () => {
      test.each(["cut", "reset"] as const)("while nothing happens: %s", async (leave) => {
        const { registry, watch, send } = await scene({ heartbeat: NEVER });
        await registry.open("job");
        const client = send("/job");
        await client.until("event: stream.live");
        expect(registry.gauges().connections).toBe(1);
        client[leave]();
        await eventually(() => expect(registry.gauges().connections).toBe(0));
        expect(reasonsOf(watch)).toEqual(["disconnected"]);
      });

      test.each(["cut", "reset"] as const)("while it waits for its stream: %s", async (leave) => {
        const { registry, watch, send } = await scene({ heartbeat: NEVER });
        const client = send("/later");
        await client.until('"state":"waiting"');
        expect(registry.gauges().waiting).toBe(1);
        client[leave]();
        await eventually(() => expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 }));
        expect(reasonsOf(watch)).toEqual(["disconnected"]);
      });

      test.each(["cut", "reset"] as const)("while it takes nothing: %s", async (leave) => {
        const { registry, watch, app, send } = await scene({ heartbeat: NEVER, buffer: { bytes: BUFFER } });
        const feed = registry.channel("feed");
        const client = send("/feed");
        await client.until("event: stream.live");
        client.pause();
        await fill(app, () => feed.push({ data: BLOCK }));
        client[leave]();
        await eventually(() => expect(registry.gauges().connections).toBe(0));
        expect(reasonsOf(watch)).toEqual(["disconnected"]);
      });
    });

    test("a client that was cut in the middle gets the rest, and only that", async () => {
      const { registry, send } = await scene();
      const job = await registry.open("job");
      const client = send("/job");
      for (let count = 1; count <= 500; count++) job.push({ data: count });
      const half = `${job.epoch}.250`;
      await client.until(`id: ${half}\n`);
      client.reset();
      for (let count = 501; count <= 1_000; count++) job.push({ data: count });
      await job.end();
      const back = send("/job", { "last-event-id": half });
      expect(await back.over()).toBe("ended");
      expect(stretchesOf(back.text)).toEqual([{ from: 251, to: 1_000, lost: false }]);
      expect(named(back.text, "stream.reset")).toEqual([]);
    });

    test("the end is a 204, and the client's connection serves the next request", async () => {
      const { registry, send } = await scene();
      const job = await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      await job.end({ data: "the last" });
      expect(await client.over()).toBe("ended");
      const end = named(client.text, "stream.end")[0]?.id as string;
      const after = client.again({ path: "/job", headers: { "last-event-id": end } });
      await after.answered();
      expect(after).toMatchObject({ status: 204, headers: { "cache-control": "no-store" }, text: "" });
      const next = after.again({ path: "/job" });
      await next.until("data: the last\n\n");
    });

    test("a HEAD gets headers alone, and a stream that nobody knows is a 404", async () => {
      const { registry, send } = await scene({ snapshot: async () => undefined });
      await registry.open("job");
      const head = await send("/job", {}, "HEAD").answered();
      expect(head).toMatchObject({ status: 200, headers: { "content-type": "text/event-stream" } });
      const missing = await head.again({ path: "/missing" }).answered();
      expect(missing).toMatchObject({ status: 404, headers: { "cache-control": "no-store" } });
      await eventually(() => expect(registry.gauges().connections).toBe(0));
    });

    test("a slow client costs the service a cursor, and is told exactly what it missed", async () => {
      const { registry, app, send } = await scene({ buffer: { bytes: BUFFER } });
      const feed = registry.channel("feed");
      const client = send("/feed");
      await client.until("event: stream.live");
      client.pause();
      await fill(app, () => feed.push({ data: BLOCK }));
      for (let count = 0; count < 100; count++) {
        for (let block = 0; block < 10; block++) feed.push({ data: BLOCK });
        await turns(3);
        expect(outboxOf(app)).toBeLessThanOrEqual(BUFFER);
        expect(registry.gauges().bytes).toBeLessThanOrEqual(BUFFER);
      }
      client.resume();
      feed.push({ data: "the last" });
      await client.untilLast("data: the last\n\n");
      const stretches = stretchesOf(client.text);
      expect(stretches.some(({ lost }) => lost)).toBe(true);
      expect(stretches[0]?.from).toBe(1);
      stretches.reduce((before, next) => (expect(next.from).toBe(before.to + 1), next));
      expect(stretches.at(-1)?.to).toBe(registry.get("feed")?.last);
    });

    if (!proxy.http2) return;
    test("eight streams go over one connection of HTTP/2", async () => {
      const { registry, watch, proxy: running, see } = await scene();
      const jobs = await Promise.all(Array.from({ length: 8 }, (_, at) => registry.open(`job-${at}`)));
      const first = see(sendHttp2("https", running.tlsPort, { path: "/job-0" }));
      const clients = jobs.map(({ id }, at) => (at === 0 ? first : first.again({ path: `/${id}` })));
      for (const client of clients) await client.until("event: stream.live");
      jobs.forEach((job, at) => job.push({ data: `for ${at}` }));
      for (const [at, client] of clients.entries()) await client.until(`data: for ${at}\n\n`);
      // One leaves, and the others stay.
      first.reset();
      await eventually(() => expect(registry.gauges().connections).toBe(7));
      expect(reasonsOf(watch)).toEqual(["disconnected"]);
      for (const job of jobs) await job.end();
      for (const client of clients.slice(1)) expect(await client.over()).toBe("ended");
    });
  });
}

/** Where the proxy does not pass on that a client has left. */
export function behindUntold(proxy: Proxy): void {
  test.skipIf(proxy.program === undefined)(
    `behind ${proxy.name} it takes a heartbeat to find out that a client has left`,
    async () => {
      const { registry, watch, send } = await setScene(proxy, nodeHttp, { heartbeat: 50 });
      await registry.open("job");
      const client = send("/job");
      await client.until("event: stream.live");
      client.cut();
      await eventually(() => expect(registry.gauges().connections).toBe(0));
      expect(reasonsOf(watch)).toEqual(["disconnected"]);
    },
  );
}

/** Pushes until the service's connection takes no more. */
async function fill({ sockets }: RunningApp, push: () => void): Promise<void> {
  let pushed = 0;
  while (![...sockets].some(({ writableNeedDrain }) => writableNeedDrain)) {
    for (let count = 0; count < 8; count++) push();
    pushed += 8 * BLOCK.length;
    if (pushed > IN_BETWEEN) throw new Error("The proxy takes everything.");
    await turns(3);
  }
}

function outboxOf({ sockets }: RunningApp): number {
  return [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0);
}
