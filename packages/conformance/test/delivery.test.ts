import { describe, expect, test } from "vitest";
import { HoldfastError, type Source, type StreamRef } from "@holdfast/core";
import { adapters } from "./adapters/index.ts";
import { eventually } from "./support/eventually.ts";
import { dataOf, eventsOf, framesOf, named, stretchesOf } from "./support/frames.ts";
import { quiet } from "./support/sources.ts";
import { serving } from "./support/start.ts";
import { reasonsOf } from "./support/watch.ts";
import { watchedRegistry } from "./support/watched-registry.ts";

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

const dataIn = (text: string): (string | undefined)[] => eventsOf(text).map(({ data }) => data);

describe.each(adapters)("$name delivers", (adapter) => {
  test("events as they are pushed, in order", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const server = await serving(adapter, () => registry.stream("job"));
    const client = await server.get();
    await client.until("event: stream.live");
    const ids: string[] = [];
    for (const data of numbers(1, 3)) {
      ids.push(job.push({ event: "tick", data }));
      await client.until(`data: ${data}\n\n`);
    }
    // A burst, in one turn.
    for (const data of numbers(4, 500)) ids.push(job.push({ event: "tick", data }));
    await client.until("data: 500\n\n");
    expect(eventsOf(client.text)).toEqual(
      numbers(1, 500).map((data, index) => ({ event: "tick", id: ids[index], data })),
    );
  });

  test("a stream that is opened while its client waits, from its first event", async () => {
    const { registry } = watchedRegistry();
    const server = await serving(adapter, () => registry.stream("later", { from: "now" }));
    const client = await server.get();
    await client.until('"state":"waiting"');
    const job = await registry.open("later");
    job.push({ data: "first" });
    await client.until("data: first\n\n");
    expect(registry.gauges()).toMatchObject({ connections: 1, waiting: 0 });
    await job.end();
    expect(await client.over()).toBe("ended");
    expect(framesOf(client.text).map(({ event }) => event)).toEqual([
      "stream.open",
      "stream.open",
      "stream.live",
      undefined,
      "stream.end",
    ]);
  });

  describe("from the cursor on", () => {
    const place = (epoch: string, seq: number): string => `${epoch}.${seq}`;

    test.each<[string, (epoch: string) => { path?: string; headers?: Record<string, string> }, number]>([
      ["the header", (epoch) => ({ headers: { "Last-Event-ID": place(epoch, 3) } }), 4],
      ["the query", (epoch) => ({ path: `/?lastEventId=${place(epoch, 2)}` }), 3],
      [
        "the header before the query",
        (epoch) => ({
          path: `/?lastEventId=${place(epoch, 2)}`,
          headers: { "Last-Event-ID": place(epoch, 4) },
        }),
        5,
      ],
      [
        "the query when the header is empty",
        (epoch) => ({ path: `/?lastEventId=${place(epoch, 2)}`, headers: { "Last-Event-ID": "" } }),
        3,
      ],
      [
        "nothing when both are empty",
        () => ({ path: "/?lastEventId=", headers: { "Last-Event-ID": "" } }),
        1,
      ],
      ["nothing", () => ({}), 1],
    ])("%s", async (_name, request, first) => {
      const { registry } = watchedRegistry();
      const job = await registry.open("job");
      for (const data of numbers(1, 5)) job.push({ data });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get(request(job.epoch));
      await client.until("event: stream.live");
      expect(dataIn(client.text)).toEqual(numbers(first, 5));
      expect(framesOf(client.text)[0]?.id).toBe(place(job.epoch, first - 1));
      job.push({ data: "6" });
      await client.until("data: 6\n\n");
      expect(dataIn(client.text)).toEqual(numbers(first, 6));
    });

    test("a long replay arrives whole, and what is pushed meanwhile behind it", async () => {
      const { registry } = watchedRegistry({ buffer: { bytes: 16 << 20 } });
      const job = await registry.open("job");
      const data = "x".repeat(1_000);
      for (let count = 0; count < 3_000; count++) job.push({ data });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      await client.until(`id: ${job.epoch}.100\n`);
      for (let count = 0; count < 1_000; count++) job.push({ data });
      await job.end();
      expect(await client.over()).toBe("ended");
      expect(stretchesOf(client.text)).toEqual([{ from: 1, to: 4_000, lost: false }]);
      expect(named(client.text, "stream.live").length).toBeLessThanOrEqual(1);
    });
  });

  describe("what is over", () => {
    test("everything to a latecomer, then the end, which stops it", async () => {
      const { registry } = watchedRegistry();
      const job = await registry.open("job");
      for (const data of numbers(1, 3)) job.push({ data });
      await job.end({ event: "result", data: "all" });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(dataOf(client.text, "stream.open")).toMatchObject({ state: "ended", first: 1, last: 4 });
      expect(dataIn(client.text)).toEqual([...numbers(1, 3), "all"]);
      expect(named(client.text, "stream.live")).toEqual([]);
      const end = framesOf(client.text).at(-1);
      expect(end).toEqual({ event: "stream.end", id: `${job.epoch}.5.end`, data: '{"status":"done"}' });
      const stopped = await server.get({ headers: { "last-event-id": end?.id ?? "" } });
      expect(stopped.status).toBe(204);
    });

    test("the end to a client that was there", async () => {
      const { registry, watch } = watchedRegistry();
      const job = await registry.open("job");
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      await client.until("event: stream.live");
      await job.end({ data: "last" });
      expect(await client.over()).toBe("ended");
      expect(framesOf(client.text).at(-1)?.event).toBe("stream.end");
      await eventually(() => expect(watch.closed).toMatchObject([{ reason: "ended", events: 1 }]));
    });

    test.each<[string, unknown, object]>([
      [
        "an internal error",
        new Error("connect ECONNREFUSED 10.0.0.7"),
        { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false },
      ],
      [
        "an error for the public",
        new HoldfastError("GONE", "The model has left.", { retryable: true, retryAfter: 5_000 }),
        { code: "GONE", message: "The model has left.", retryable: true, retryAfter: 5_000 },
      ],
    ])("a failure, in two blocks: %s", async (_name, error, told) => {
      const { registry, watch } = watchedRegistry();
      const job = await registry.open("job");
      const server = await serving(adapter, () => registry.stream("job"));
      const present = await server.get();
      await present.until("event: stream.live");
      await job.fail(error);
      const late = await server.get();
      for (const client of [present, late]) {
        expect(await client.over()).toBe("ended");
        const [failure, end] = framesOf(client.text).slice(-2);
        expect(failure?.event).toBe("stream.error");
        expect(failure).not.toHaveProperty("id");
        expect(JSON.parse(failure?.data ?? "")).toEqual(told);
        expect(end).toEqual({ event: "stream.end", id: `${job.epoch}.1.end`, data: '{"status":"failed"}' });
        expect(client.text).not.toContain("ECONNREFUSED");
      }
      expect(watch.failed.splice(0)).toMatchObject([{ stage: "source", error }]);
    });

    test("a snapshot of what ended long ago, resumed in the middle", async () => {
      const events = numbers(1, 5).map((data) => ({ data }));
      const { registry } = watchedRegistry({ snapshot: async () => ({ state: "done", events }) });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(dataIn(client.text)).toEqual(numbers(1, 5));
      expect(dataOf(client.text, "stream.end")).toEqual({ status: "done" });
      const middle = eventsOf(client.text)[2]?.id ?? "";
      const resumed = await server.get({ headers: { "last-event-id": middle } });
      expect(await resumed.over()).toBe("ended");
      expect(dataIn(resumed.text)).toEqual(numbers(4, 5));
      const end = framesOf(resumed.text).at(-1)?.id ?? "";
      const stopped = await server.get({ headers: { "last-event-id": end } });
      expect(stopped.status).toBe(204);
    });

    test("a cancelled stream", async () => {
      const { registry } = watchedRegistry();
      const job = await registry.open("job");
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      await client.until("event: stream.live");
      expect(await registry.cancel("job", "user")).toBe(true);
      expect(job.signal.reason).toBe("user");
      expect(await client.over()).toBe("ended");
      expect(dataOf(client.text, "stream.end")).toEqual({ status: "cancelled" });
    });
  });

  describe("one frame to many", () => {
    test("whole to each of them", async () => {
      const { registry } = watchedRegistry({ buffer: { bytes: 4 << 20 } });
      const feed = registry.channel("feed");
      const server = await serving(adapter, () => feed);
      const clients = await Promise.all(Array.from({ length: 4 }, () => server.get()));
      for (const client of clients) await client.until("event: stream.live");
      const big = "Grüße, 世界 🎉 ".repeat(8_000);
      feed.push({ event: "big", data: big });
      feed.push({ event: "small", data: "shared" });
      for (const client of clients) {
        await client.until("data: shared\n\n");
        expect(eventsOf(client.text)).toMatchObject([
          { event: "big", data: big },
          { event: "small", data: "shared" },
        ]);
      }
    });

    test("to those who stay when one leaves in the middle", async () => {
      const { registry } = watchedRegistry();
      const feed = registry.channel("feed");
      const server = await serving(adapter, () => feed);
      const clients = await Promise.all(Array.from({ length: 3 }, () => server.get()));
      for (const client of clients) await client.until("event: stream.live");
      const [leaver, ...stayers] = clients;
      for (const data of numbers(1, 100)) {
        feed.push({ data });
        if (data === "50") leaver?.cut();
      }
      for (const client of stayers) {
        await client.until("data: 100\n\n");
        expect(dataIn(client.text)).toEqual(numbers(1, 100));
      }
    });
  });

  describe("heartbeats", () => {
    test.each<[string, (stream: (id: string) => StreamRef) => Source]>([
      ["on an idle stream", (stream) => stream("job")],
      ["to a client that waits", (stream) => stream("later")],
    ])("%s", async (_name, source) => {
      const { registry } = watchedRegistry({ heartbeat: 20 });
      await registry.open("job");
      const server = await serving(adapter, () => source((id) => registry.stream(id)));
      const client = await server.get();
      await client.until("\n\n:\n\n:\n\n:\n\n");
      expect(framesOf(client.text).at(-1)).toEqual({ comment: "" });
      expect(dataOf(client.text, "stream.open")).toMatchObject({ heartbeat: 20 });
    });

    test("on a quiet bare source", async () => {
      const server = await serving(adapter, () => quiet, { heartbeat: 20 });
      const client = await server.get();
      await client.until("\n\n:\n\n:\n\n:\n\n");
    });
  });

  describe("a farewell", () => {
    test("when the registry closes: to those who are there, and to those who come", async () => {
      const { registry, watch } = watchedRegistry();
      const job = await registry.open("job");
      const server = await serving(adapter, () => registry.stream("job"));
      const other = await serving(adapter, () => registry.stream("later"));
      const reader = await server.get();
      await reader.until("event: stream.live");
      const waiter = await other.get();
      await waiter.until('"state":"waiting"');
      job.push({ data: "last" });
      const closed = registry.close({ spread: 5_000 });
      const late = await server.get();
      const lateWaiter = await other.get();
      for (const client of [reader, waiter, late, lateWaiter]) {
        expect(client.status).toBe(200);
        expect(await client.over()).toBe("ended");
        const drain = framesOf(client.text).at(-1);
        expect(drain).toMatchObject({ event: "stream.drain", data: '{"reason":"shutdown"}' });
        expect(drain).not.toHaveProperty("id");
        expect(Number(drain?.retry)).toBeGreaterThanOrEqual(1_000);
        expect(Number(drain?.retry)).toBeLessThanOrEqual(7_000);
      }
      await closed;
      expect(job.signal.aborted).toBe(true);
      expect(registry.size).toBe(0);
      await eventually(() => expect(reasonsOf(watch)).toEqual(Array(4).fill("shutdown")));
    });

    test("after `maxDuration`, and the client goes on where it was", async () => {
      const { registry, watch } = watchedRegistry({ maxDuration: 30 });
      const job = await registry.open("job");
      job.push({ data: "one" });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "max-duration" });
      job.push({ data: "two" });
      const back = await server.get({ headers: { "last-event-id": `${job.epoch}.1` } });
      await back.until("data: two\n\n");
      expect(dataIn(back.text)).toEqual(["two"]);
      expect(watch.closed[0]).toMatchObject({ reason: "max-duration" });
    });

    test("after `wait`", async () => {
      const { registry } = watchedRegistry();
      const server = await serving(adapter, () => registry.stream("later", { wait: 20 }));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "waiting" });
    });
  });
});
