// The option `signal` is tested in serve-signal.test.ts, bare sources in bare-source.test.ts, and the streams of a
// registry in test/registry.

import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { serve } from "../../src/connection/serve.ts";
import type { SseRequest } from "../../src/connection/sink.ts";
import { ACCEPT, type Accept, type StreamSource } from "../../src/connection/source.ts";
import { createFakeClock, createMemoryClient } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

test("a source of a registry serves the client itself, and counts towards its limits", async () => {
  const accept = vi.fn<Accept>(async () => ({ status: 204 }));
  const source: StreamSource = { id: "a", [ACCEPT]: accept };
  const client = createMemoryClient();
  const options = { wait: 5 };
  await serve(client.request, client.open, source, options);
  expect(accept.mock.calls).toEqual([[client.request, client.open, options, true]]);
});

test("sources of another copy of the package are recognised by the global symbol", () => {
  expect(ACCEPT).toBe(Symbol.for("holdfast.accept"));
});

test("a bare source is served with the options of the call", async () => {
  const clock = createFakeClock();
  const client = createMemoryClient();
  const done = serve(client.request, client.open, ({ push }) => push({ data: "x" }), {
    clock,
    random: () => 0,
    heartbeat: 100,
  });
  await clock.advance(100);
  expect(client.text).toBe("retry: 1000\n\ndata: x\n\n:\n\n");
  client.leave();
  await done;
  expect(clock.timers).toBe(0);
});

test.each([
  [{ heartbeat: 0 }, "`heartbeat`"],
  [{ buffer: { bytes: 0 } }, "`buffer.bytes`"],
  [{ clock: {} }, "`clock`"],
  [{ signal: "stop" }, "`signal`"],
])("an invalid option of the call is an error before the response starts: %j", async (options, name) => {
  const client = createMemoryClient();
  await expect(serve(client.request, client.open, () => undefined, options as never)).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining(name),
  });
  expect(client.status).toBeUndefined();
  expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
});

test("a client is not admitted before its request is ready", async () => {
  const { registry, observed } = createTestRegistry({ maxConnections: 1 });
  const job = await registry.open("a");
  let setReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (setReady = resolve));
  const client = createMemoryClient();
  const done = serve({ ...client.request, ready }, client.open, job);
  expect([registry.gauges().connections, job.readers, client.status]).toEqual([0, 0, undefined]);
  setReady();
  await ready;
  await Promise.resolve();
  expect([registry.gauges().connections, job.readers, client.status]).toEqual([1, 1, 200]);
  client.leave();
  await done;
  expect(observed.connectionClosed).toMatchObject([{ reason: "disconnected" }]);
});

test("a client that has left before its request is ready is never admitted, and its source is released", async () => {
  const { registry, observed } = createTestRegistry();
  const cancel = vi.fn<() => void>();
  const job = await registry.open("a");
  for (const source of [job, new ReadableStream({ cancel })]) {
    const client = createMemoryClient();
    const ready = new Promise<void>((resolve) =>
      client.request.signal.addEventListener("abort", () => resolve()),
    );
    const done = serve({ ...client.request, ready }, client.open, source, { registry });
    client.leave();
    await done;
    expect(client.status).toBe(499);
  }
  expect(cancel).toHaveBeenCalledOnce();
  expect(observed.connectionOpened).toEqual([]);
  expect(registry.gauges().connections).toBe(0);
});

test("where an adapter says by `client` that the client is gone, the signal is left alone", async () => {
  const { registry, observed } = createTestRegistry();
  await registry.open("a");
  const client = createMemoryClient();
  let leave: (() => void) | undefined;
  const request: SseRequest = {
    method: "GET",
    cursor: undefined,
    client: { isGone: false, onGone: (listener) => (leave = () => listener.abort()) },
    get signal(): AbortSignal {
      throw new Error("The signal was asked for.");
    },
  };
  const over = serve(request, client.open, registry.stream("a"));
  expect([registry.gauges().connections, client.status]).toEqual([1, 200]);
  leave?.();
  await over;
  expect(registry.gauges().connections).toBe(0);
  expect(observed.connectionClosed).toMatchObject([{ reason: "disconnected" }]);
});
