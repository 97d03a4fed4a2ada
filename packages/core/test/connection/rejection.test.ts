import { expect, test } from "vitest";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

/** A registry whose only place is taken. */
async function createFullRegistry(): Promise<TestRegistry> {
  const full = createTestRegistry({ maxConnections: 1 });
  await full.registry.open("a");
  full.connect("a");
  await full.clock.flush();
  return full;
}

test("a client that is not admitted is observed as a connection, and leaves nothing behind", async () => {
  const { connect, observed, clock } = await createFullRegistry();
  const timers = clock.timers;
  const client = connect("a", { serve: { key: "anna" } });
  await client.over;
  expect(client.blocks).toEqual([["stream.drain", undefined, { reason: "busy" }]]);
  expect(client.state).toBe("flushed");
  expect(observed.connectionOpened.at(-1)).toEqual({ id: "a", key: "anna" });
  const bytes = client.text.length;
  const sent = { id: "a", key: "anna", events: 0, bytes };
  expect(observed.delivered).toEqual([sent]);
  expect(observed.connectionClosed).toEqual([{ ...sent, reason: "busy", duration: 0 }]);
  expect(clock.timers).toBe(timers);
});

test("one that does not take the answer is cut after `idleTimeout`", async () => {
  const { registry, observed, clock } = await createFullRegistry();
  const client = createMemoryClient();
  client.stall();
  const over = serve(client.request, client.open, registry.stream("a"), { idleTimeout: 50_000 });
  await clock.advance(49_999);
  expect(client.state).toBe("closing");
  await clock.advance(1);
  expect(client.state).toBe("destroyed");
  await over;
  expect(observed.connectionClosed).toMatchObject([{ reason: "busy", duration: 50_000 }]);
});

test("one whose control function throws gets only the reconnection time, and a cut", async () => {
  const { connect, observed } = await createFullRegistry();
  const error = new Error("x");
  const control = (): never => {
    throw error;
  };
  const client = connect("a", { serve: { control } });
  await client.over;
  expect([client.state, client.text]).toEqual(["cut", "retry: 17500\n\n"]);
  expect(observed.failed).toEqual([{ id: "a", key: undefined, stage: "delivery", error }]);
});

test("a response that cannot begin is a rejection", async () => {
  const { registry, observed } = await createFullRegistry();
  const error = new Error("x");
  const open = (): never => {
    throw error;
  };
  const request = { method: "GET", cursor: undefined, signal: new AbortController().signal };
  await expect(serve(request, open, registry.stream("a"))).rejects.toBe(error);
  expect(observed.connectionClosed).toMatchObject([{ reason: "failed" }]);
});

test("the adapter is told the whole body, unless a cut follows it", async () => {
  const { registry } = await createFullRegistry();
  const bodies: (Uint8Array | undefined)[] = [];
  for (const control of [true, false]) {
    const request = { method: "GET", cursor: undefined, signal: new AbortController().signal };
    await serve(
      request,
      (_status, _headers, events, whole) => {
        bodies.push(whole);
        const close = (): void => events.closed();
        return { write: () => true, close, cut: close, destroy: close };
      },
      registry.stream("a"),
      { control },
    );
  }
  expect(bodies.map((body) => body && new TextDecoder().decode(body))).toEqual([
    'event: stream.drain\nretry: 17500\ndata: {"reason":"busy"}\n\n',
    undefined,
  ]);
});
