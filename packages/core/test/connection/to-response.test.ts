import { expect, test, vi } from "vitest";
import { toResponse } from "../../src/connection/to-response.ts";
import { createWebSink } from "../../src/connection/web-sink.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const URL = "https://example.com/jobs/a";

async function* list<Item>(...items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

test("the response is an event stream with the events of the source", async () => {
  const response = await toResponse(new Request(URL), list({ data: 1 }, { data: 2 }), { random: () => 0 });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toMatch(
    /^retry: 1000\n\ndata: 1\n\ndata: 2\n\nevent: stream\.end\nid: 0{10}\.0\.end\ndata: \{"status":"done"\}\n\n$/,
  );
});

test("the cursor is the header `Last-Event-ID`, or the query parameter `lastEventId`", async () => {
  const { registry } = createTestRegistry();
  const job = await registry.open("a");
  for (const data of ["one", "two"]) job.push({ data });
  await job.end();
  const cursor = `${job.epoch}.1`;
  for (const request of [
    new Request(URL, { headers: { "last-event-id": cursor } }),
    new Request(`${URL}?lastEventId=${cursor}`),
  ]) {
    const text = await (await toResponse(request, job)).text();
    expect(text).toContain("data: two");
    expect(text).not.toContain("data: one");
  }
});

test("a response without a stream has no body", async () => {
  const head = await toResponse(new Request(URL, { method: "HEAD" }), list());
  expect([head.status, head.headers.get("content-type"), head.body]).toEqual([
    200,
    "text/event-stream",
    null,
  ]);
  const finished = await toResponse(new Request(`${URL}?lastEventId=abcdefghij.0.end`), list());
  expect([finished.status, finished.body]).toEqual([204, null]);
});

test("the source is released when the request aborts, and when the body is cancelled", async () => {
  for (const leave of ["abort", "cancel"]) {
    const cleanup = vi.fn<() => void>();
    const client = new AbortController();
    const response = await toResponse(new Request(URL, { signal: client.signal }), () => cleanup);
    expect(cleanup).not.toHaveBeenCalled();
    if (leave === "abort") client.abort();
    else await response.body?.cancel();
    expect(cleanup).toHaveBeenCalledOnce();
  }
});

test("an invalid source is a rejection", async () => {
  await expect(toResponse(new Request(URL), "data" as never)).rejects.toMatchObject({
    code: "INVALID_OPTION",
  });
});

test("an adapter can supply the sink, whose body becomes that of the response", async () => {
  const createSink = vi.fn<typeof createWebSink>(createWebSink);
  const response = await toResponse(new Request(URL), list({ data: 1 }), {}, createSink);
  expect(response.body).toBe(createSink.mock.results[0]?.value.body);
  expect(createSink).toHaveBeenCalledOnce();
  await response.body?.cancel();
});

test("a client that takes 64 KiB of a large event within `idleTimeout` is reading; one that takes nothing is cut", async () => {
  const { registry, clock, observed } = createTestRegistry({ idleTimeout: 10_000 });
  const job = await registry.open("a");
  const response = await toResponse(new Request(URL), job);
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  expect((await reader.read()).done).toBe(false);
  job.push({ data: "x".repeat(1_000_000) });
  let size = 0;
  while (size < 500_000) {
    const { value } = await reader.read();
    expect(value?.length).toBeLessThanOrEqual(65_536);
    size += value?.length ?? 0;
    await clock.advance(9_999);
  }
  expect(observed.connectionClosed).toEqual([]);
  await clock.advance(20_000);
  expect(observed.connectionClosed).toMatchObject([{ reason: "zombie" }]);
  await expect(reader.read()).rejects.toThrow();
});

test("a client that is not admitted gets a body that is no stream, from the adapter's own `Response`", async () => {
  const { registry, connect, observed } = createTestRegistry({ maxConnections: 1 });
  await registry.open("a");
  connect("a");
  const bodies: unknown[] = [];
  const response = await toResponse(
    new Request(URL),
    registry.stream("a"),
    {},
    () => {
      throw new Error("No sink is needed.");
    },
    (body, init) => {
      bodies.push(body);
      return new Response(body, init);
    },
  );
  expect(bodies).toEqual([expect.any(Uint8Array)]);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toContain('{"reason":"busy"}');
  expect(observed.connectionClosed).toMatchObject([{ reason: "busy" }]);
});
