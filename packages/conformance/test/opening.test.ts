import { describe, expect, test } from "vitest";
import type { BareConnection, Registry, Source } from "@holdfast/core";
import type { Adapter } from "./adapters/adapter.ts";
import { adapters } from "./adapters/index.ts";
import type { Client } from "./clients/client.ts";
import { eventually } from "./support/eventually.ts";
import { dataOf, framesOf, named } from "./support/frames.ts";
import { quiet } from "./support/sources.ts";
import { serving, start } from "./support/start.ts";
import { reasonsOf } from "./support/watch.ts";
import { watchedRegistry } from "./support/watched-registry.ts";

const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};
const NO_STREAM_HEADERS = { "cache-control": "no-store" };
const TERMINAL_ID = "0123456789.7.end";

/** The headers that are ours. */
function headersOf(adapter: Adapter, { headers }: Client): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !adapter.ownHeaders.includes(name)));
}

function expectRetry(retry: string | undefined): void {
  expect(Number(retry)).toBeGreaterThanOrEqual(1_000);
  expect(Number(retry)).toBeLessThanOrEqual(2_000);
}

describe.each(adapters)("$name begins", (adapter) => {
  describe("with headers and a first frame, before any event exists", () => {
    test("for a client that waits", async () => {
      const { registry } = watchedRegistry();
      const server = await serving(adapter, () => registry.stream("later"));
      const client = await server.get();
      expect(client.status).toBe(200);
      expect(headersOf(adapter, client)).toEqual(STREAM_HEADERS);
      const open = named(await client.until("\n\n"), "stream.open")[0];
      expect(dataOf(client.text, "stream.open")).toEqual({
        state: "waiting",
        first: null,
        last: null,
        heartbeat: 15_000,
      });
      expect(open?.id).toBeUndefined();
      expectRetry(open?.retry);
      expect(registry.gauges()).toMatchObject({ connections: 1, waiting: 1 });
    });

    test("for an empty live stream", async () => {
      const { registry } = watchedRegistry();
      const job = await registry.open("job");
      const server = await serving(adapter, () => job);
      const client = await server.get();
      expect(headersOf(adapter, client)).toEqual(STREAM_HEADERS);
      const [open, live] = framesOf(await client.until("event: stream.live\ndata: {}\n\n"));
      expect(open).toMatchObject({ event: "stream.open", id: `${job.epoch}.0` });
      expect(dataOf(client.text, "stream.open")).toEqual({
        state: "live",
        first: 1,
        last: 0,
        heartbeat: 15_000,
      });
      expectRetry(open?.retry);
      expect(live).toEqual({ event: "stream.live", data: "{}" });
    });

    test.each<[string, (connection: BareConnection) => ReturnType<typeof quiet> | void]>([
      ["generator", quiet],
      ["function", () => undefined],
    ])("for a bare %s that says nothing", async (_name, source) => {
      const server = await serving(adapter, () => source);
      const client = await server.get();
      expect(client.status).toBe(200);
      expect(headersOf(adapter, client)).toEqual(STREAM_HEADERS);
      const frames = framesOf(await client.until("\n\n"));
      expect(frames).toEqual([{ retry: expect.any(String) as string }]);
      expectRetry(frames[0]?.retry);
    });
  });

  describe("and ends at once", () => {
    const sources: [string, (registry: Registry) => Promise<Source>][] = [
      ["a stream that is live", (registry) => registry.open("job")],
      ["a stream that does not exist", async (registry) => registry.stream("nobody")],
      ["a channel", async (registry) => registry.channel("lobby")],
      ["a bare source", async () => quiet],
    ];

    test.each(sources)("HEAD gets the headers of %s, and nothing is registered", async (_name, make) => {
      const { registry, watch } = watchedRegistry();
      const source = await make(registry);
      const server = await serving(adapter, () => source);
      const client = await server.get({ method: "HEAD" });
      expect(await client.over()).toBe("ended");
      expect(client.status).toBe(200);
      expect(headersOf(adapter, client)).toEqual(STREAM_HEADERS);
      expect(client.text).toBe("");
      expect(watch.opened).toBe(0);
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
      await eventually(() => expect(server.handling).toBe(0));
    });

    test.each(sources)("the terminal id gets 204 from %s, and nothing is registered", async (_name, make) => {
      const { registry, watch } = watchedRegistry();
      const source = await make(registry);
      const server = await serving(adapter, () => source);
      for (const request of [
        { headers: { "last-event-id": TERMINAL_ID } },
        { path: `/?lastEventId=${TERMINAL_ID}` },
      ]) {
        const client = await server.get(request);
        expect(await client.over()).toBe("ended");
        expect(client.status).toBe(204);
        expect(headersOf(adapter, client)).toEqual(NO_STREAM_HEADERS);
        expect(client.text).toBe("");
      }
      expect(watch.opened).toBe(0);
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
      await eventually(() => expect(server.handling).toBe(0));
    });

    test.each([
      ["empty", ""],
      ["too long", "x".repeat(257)],
      ["with a control character", "a\nb"],
    ])("an impossible id gets 404: %s", async (_name, id) => {
      const { registry, watch } = watchedRegistry();
      const server = await serving(adapter, () => registry.stream(id));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(client.status).toBe(404);
      expect(headersOf(adapter, client)).toMatchObject(NO_STREAM_HEADERS);
      expect(client.text).toBe("");
      expect(watch.opened).toBe(0);
    });

    test("what exists nowhere gets 404, once the snapshot has said so", async () => {
      const { registry, watch } = watchedRegistry({ snapshot: async () => undefined });
      const server = await serving(adapter, () => registry.stream("job"));
      const client = await server.get();
      expect(await client.over()).toBe("ended");
      expect(client.status).toBe(404);
      expect(headersOf(adapter, client)).toMatchObject(NO_STREAM_HEADERS);
      expect(client.text).toBe("");
      expect(watch.opened).toBe(0);
      await eventually(() => expect(server.handling).toBe(0));
    });

    test("a full registry that refuses says when to come back", async () => {
      const { registry } = watchedRegistry({ maxConnections: 1, overload: "refuse" });
      const server = await serving(adapter, () => registry.channel("lobby"));
      const first = await server.get();
      const second = await server.get();
      expect(await second.over()).toBe("ended");
      expect(second.status).toBe(503);
      expect(Number(second.headers["retry-after"])).toBeGreaterThanOrEqual(5);
      expect(first.state).toBe("open");
    });

    test("an invalid option reaches the framework's error handler", async () => {
      const { registry, watch } = watchedRegistry();
      const job = await registry.open("job");
      for (const source of [job, registry.stream("nobody"), registry.channel("lobby"), quiet]) {
        const server = await serving(adapter, () => source, { heartbeat: -1 });
        const client = await server.get();
        expect(await client.over()).toBe("ended");
        expect(client.status).toBe(500);
        expect(client.text).toBe("refused: INVALID_OPTION");
      }
      expect(watch.opened).toBe(0);
      expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
    });

    test("what is no source reaches the framework's error handler", async () => {
      const server = await serving(adapter, () => "job" as unknown as Source);
      const client = await server.get();
      expect(client.status).toBe(500);
      expect(await client.until("OPTION")).toBe("refused: INVALID_OPTION");
    });
  });

  test("behind a body that was read, and streams, and sees the client leave", async () => {
    const { registry, watch } = watchedRegistry();
    const server = await start(adapter, async ({ body, sse }) => {
      const job = await registry.open("job");
      job.push({ event: "echo", data: body });
      return sse(job);
    });
    const client = await server.get({
      method: "POST",
      body: "Tell me a story.",
      headers: { "content-type": "text/plain" },
    });
    await client.until("event: stream.live");
    expect(dataOf(client.text.replace("Tell me a story.", '"Tell me a story."'), "echo")).toBe(
      "Tell me a story.",
    );
    expect(registry.gauges().connections).toBe(1);
    client.cut();
    await eventually(() => expect(registry.gauges().connections).toBe(0), 1_000);
    expect(watch.closed).toMatchObject([{ reason: "disconnected" }]);
  });
});

describe.each(adapters.filter(({ earlierHeaders }) => earlierHeaders))("$name keeps", (adapter) => {
  test.each([
    ["200", {}],
    ["204", { headers: { "last-event-id": TERMINAL_ID } }],
    ["HEAD", { method: "HEAD" }],
  ])("the headers that were set before: %s", async (_name, request) => {
    const { registry } = watchedRegistry();
    const server = await start(adapter, ({ sse }) => sse(registry.stream("later")), {
      earlier: [
        ["access-control-allow-origin", "https://example.com"],
        ["set-cookie", "a=1; Path=/"],
        ["set-cookie", "b=2; Path=/"],
        ["cache-control", "public, max-age=3600"],
      ],
    });
    const client = await server.get(request);
    expect(client.headers).toMatchObject({
      "access-control-allow-origin": "https://example.com",
      "set-cookie": "a=1; Path=/, b=2; Path=/",
      // Ours: a stream must not be kept by anybody.
      "cache-control": client.status === 204 ? "no-store" : "no-cache, no-transform",
    });
  });
});

describe.each(adapters.filter(({ reuses }) => reuses))("$name over one connection", (adapter) => {
  test("serves the next request, after a 204 and after an ended stream", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    job.push({ data: "all" });
    await job.end();
    const server = await serving(adapter, () => job);
    const first = await server.get({ headers: { "last-event-id": TERMINAL_ID } });
    expect(await first.over()).toBe("ended");
    const second = await first.again().answered();
    expect(second.status).toBe(200);
    expect(await second.over()).toBe("ended");
    const third = await second.again({ headers: { "last-event-id": TERMINAL_ID } }).answered();
    expect(third.status).toBe(204);
    const fourth = await third.again().answered();
    expect(await fourth.until("event: stream.end")).toContain("data: all\n\n");
    expect(await fourth.over()).toBe("ended");
    await eventually(() => expect(server.handling).toBe(0));
  });

  test("serves requests that do not wait for each other", async () => {
    const { registry, watch } = watchedRegistry();
    const job = await registry.open("job");
    const server = await serving(adapter, () => job);
    const first = await server.get();
    await first.until("event: stream.live");
    const second = first.again();
    const third = first.again({ headers: { "last-event-id": TERMINAL_ID } });
    await eventually(() => expect(registry.gauges().connections).toBe(2));
    await job.end({ data: "all" });
    for (const client of [first, second]) {
      expect(await client.over()).toBe("ended");
      expect(client.text).toContain("data: all\n\n");
    }
    expect((await third.answered()).status).toBe(204);
    await eventually(() => expect(reasonsOf(watch)).toEqual(["ended", "ended"]));
  });

  test("lets go of everyone when it is cut", async () => {
    const { registry, watch } = watchedRegistry();
    const job = await registry.open("job");
    const server = await serving(adapter, () => job);
    const first = await server.get();
    await first.until("event: stream.live");
    first.again();
    first.again();
    await eventually(() => expect(registry.gauges().connections).toBe(3));
    first.cut();
    await eventually(() => expect(registry.gauges().connections).toBe(0), 1_000);
    await eventually(() => expect(server.handling).toBe(0));
    expect(reasonsOf(watch)).toEqual(Array(3).fill("disconnected"));
  });
});
