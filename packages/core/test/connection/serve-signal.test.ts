// The `signal` option of `serve`, which drains a connection: src/connection/serve.ts and connection.ts.

import { getEventListeners } from "node:events";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { BareConnection } from "../../src/connection/source.ts";
import type { DeliveryOptions } from "../../src/connection/options.ts";
import type { ServeOptions } from "../../src/connection/serve-options.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createDatabase } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const DRAIN = 'event: stream.drain\nretry: 1500\ndata: {"reason":"aborted"}\n\n';
const ABORTED = AbortSignal.abort("logged out");

const listenerCount = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const reasons = ({ observed }: TestRegistry): unknown[] =>
  observed.connectionClosed.map(({ reason }) => reason);

/** A signal of the application, the options that pass it to `serve`, and its abort. */
function login() {
  const controller = new AbortController();
  const { signal } = controller;
  return { signal, serve: { signal }, logout: () => controller.abort("logged out") };
}

/** Waits for the end of the response, and checks that no timer, no listener and no connection is left. */
async function expectReleased(
  { registry, clock }: TestRegistry,
  signal: AbortSignal,
  client: TestClient,
): Promise<void> {
  await client.over;
  expect(listenerCount(signal)).toBe(0);
  expect(listenerCount(client.request.signal)).toBe(0);
  expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
  await registry.close({ deadline: 0 });
  await clock.flush();
  expect(clock.timers).toBe(0);
}

describe("when the application's signal aborts", () => {
  test("the client is drained and can resume, while the stream and other clients go on", async () => {
    const context = createTestRegistry();
    const { registry, clock, connect } = context;
    const job = await registry.open("a");
    job.push({ data: 1 });
    const { signal, serve: options, logout } = login();
    const client = connect("a", { serve: options });
    const other = connect("a");
    const before = client.text;
    logout();
    expect([client.text, client.state]).toEqual([before + DRAIN, "flushed"]);
    expect(reasons(context)).toEqual(["aborted"]);
    job.push({ data: 2 });
    await clock.flush();
    expect([other.events, other.state, job.signal.aborted]).toEqual([[1, 2], "open", false]);
    expect(connect("a", { cursor: `${job.epoch}.1` }).events).toEqual([2]);
    other.leave();
    expect(listenerCount(signal)).toBe(0);
  });

  test("a client that does not read is cut, without a frame", async () => {
    const context = createTestRegistry();
    const job = await context.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = context.connect("a", { serve: options });
    client.stall();
    job.push({ data: 1 });
    await context.clock.flush();
    logout();
    expect([client.state, reasons(context), job.readers]).toEqual(["destroyed", ["aborted"], 0]);
    expect(client.text).not.toContain("stream.drain");
    await expectReleased(context, signal, client);
  });

  test("a client in the middle of its replay is cut too, and gets the rest when it reconnects", async () => {
    const context = createTestRegistry();
    const job = await context.registry.open("a");
    for (const data of [1, 2, 3]) job.push({ data });
    const { serve: options, logout } = login();
    const client = createMemoryClient({ cursor: `${job.epoch}.1` });
    client.stall();
    const over = serve(client.request, client.open, job, options);
    logout();
    await over;
    // Only the first block was written.
    expect([client.state, client.text.match(/^data: \d$/m)]).toEqual(["destroyed", null]);
    expect(context.connect("a", { cursor: `${job.epoch}.1` }).events).toEqual([2, 3]);
  });

  test("a client that waits for a stream is drained, and no longer counts as waiting", async () => {
    const context = createTestRegistry();
    const { signal, serve: options, logout } = login();
    const client = context.connect("a", { serve: options });
    expect(context.registry.gauges().waiting).toBe(1);
    logout();
    expect(client.text.endsWith(DRAIN)).toBe(true);
    await context.registry.open("a");
    await context.clock.flush();
    expect([client.state, reasons(context)]).toEqual(["flushed", ["aborted"]]);
    expect(client.blocks.map(([event]) => event)).toEqual(["stream.open", "stream.drain"]);
    await expectReleased(context, signal, client);
  });

  test("a client whose stream is being looked up gets only the drain, and the look-up ends", async () => {
    const { snapshot, queries } = createDatabase();
    const context = createTestRegistry({ snapshot });
    const { signal, serve: options, logout } = login();
    const client = context.connect("a", { serve: options });
    expect(client.status).toBeUndefined();
    logout();
    expect([client.status, client.text, client.state]).toEqual([200, DRAIN, "flushed"]);
    queries[0]?.answer({ state: "done", events: [{ data: 1 }] });
    await context.clock.flush();
    expect([client.text, reasons(context)]).toEqual([DRAIN, ["aborted"]]);
    await expectReleased(context, signal, client);
  });

  test("a response that is already ending is not changed", async () => {
    const context = createTestRegistry();
    const job = await context.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = context.connect("a", { serve: options });
    client.stall();
    await job.end();
    await context.clock.flush();
    expect([client.state, listenerCount(signal)]).toEqual(["closing", 0]);
    logout();
    client.drain();
    expect([client.state, reasons(context)]).toEqual(["flushed", ["ended"]]);
    expect(client.blocks.at(-1)?.[0]).toBe("stream.end");
    await expectReleased(context, signal, client);
  });

  test("a client that does not read is cut at once, although the registry is closing", async () => {
    const context = createTestRegistry();
    const job = await context.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = context.connect("a", { serve: options });
    client.stall();
    job.push({ data: 1 });
    await context.clock.flush();
    const closed = context.registry.close();
    logout();
    expect([client.state, reasons(context)]).toEqual(["destroyed", ["aborted"]]);
    await closed;
    await expectReleased(context, signal, client);
  });

  test("in the observer's `connectionOpened`: the drain is all that the client gets", async () => {
    const { serve: options, logout } = login();
    const closed: string[] = [];
    const registry = createRegistry({
      observer: { connectionOpened: logout, connectionClosed: ({ reason }) => void closed.push(reason) },
      random: () => 0.5,
    });
    const job = await registry.open("a");
    const client = createMemoryClient();
    await serve(client.request, client.open, job, options);
    expect([client.status, client.text.endsWith(DRAIN), closed]).toEqual([200, true, ["aborted"]]);
    await registry.close();
  });

  test("all connections with this signal are drained, and no others", async () => {
    const context = createTestRegistry();
    await context.registry.open("a");
    const { signal, serve: options, logout } = login();
    const clients = Array.from({ length: 1_000 }, () => context.connect("a", { serve: options }));
    const others = [context.connect("a"), context.connect("a", { serve: login().serve })];
    expect(listenerCount(signal)).toBe(1_000);
    logout();
    expect(clients.every(({ text, state }) => text.endsWith(DRAIN) && state === "flushed")).toBe(true);
    expect(others.map(({ state }) => state)).toEqual(["open", "open"]);
    expect([listenerCount(signal), context.registry.gauges().connections]).toEqual([0, 2]);
  });
});

describe("a signal that has already aborted", () => {
  test("admits no client: nothing is looked up or registered", async () => {
    const { snapshot, queries } = createDatabase();
    const context = createTestRegistry({ snapshot });
    const client = context.connect("a", { serve: { signal: ABORTED } });
    expect([client.status, client.text, client.state]).toEqual([200, DRAIN, "flushed"]);
    expect([queries, reasons(context)]).toEqual([[], ["aborted"]]);
    await expectReleased(context, ABORTED, client);
  });

  test.each([
    ["a HEAD", "a", { method: "HEAD" }, 200],
    ["a terminal cursor", "a", { cursor: "abcdefghij.3.end" }, 204],
    ["an invalid id", "", {}, 404],
  ])("does not change the response to %s", async (_what, id, request, status) => {
    const context = createTestRegistry();
    await context.registry.open("a");
    const client = context.connect(id, { ...request, serve: { signal: ABORTED } });
    expect([client.status, client.text, client.state]).toEqual([status, "", "flushed"]);
    await expectReleased(context, ABORTED, client);
  });

  test("wins over a full registry, but not over one that is closing", async () => {
    const context = createTestRegistry({ maxConnections: 1, overload: "refuse" });
    await context.registry.open("a");
    context.connect("a");
    const client = context.connect("a", { serve: { signal: ABORTED } });
    expect([client.status, client.text]).toEqual([200, DRAIN]);
    void context.registry.close();
    expect(context.connect("a", { serve: { signal: ABORTED } }).text).toContain('"shutdown"');
  });
});

describe("no listener is left on the application's signal", () => {
  const ends: Record<string, (context: TestRegistry, client: TestClient) => unknown> = {
    "after the end of the stream": ({ registry }) => registry.cancel("a"),
    "after the client has left": (_context, client) => client.leave(),
    "after `idleTimeout`": async ({ registry, clock }, client) => {
      client.stall();
      await registry.cancel("a");
      await clock.advance(90_000);
    },
    "after `maxDuration`": ({ clock }) => clock.advance(3_600_000),
    "after the registry has closed": ({ registry }) => registry.close(),
  };

  test.each(Object.entries(ends))("%s", async (_end, endConnection) => {
    const context = createTestRegistry({ idle: Infinity });
    await context.registry.open("a");
    const { signal, serve: options } = login();
    const client = context.connect("a", { serve: options });
    expect(listenerCount(signal)).toBe(1);
    await endConnection(context, client);
    await context.clock.flush();
    await expectReleased(context, signal, client);
  });

  test("after a 404, a full registry, and a response that could not be started", async () => {
    const context = createTestRegistry({ snapshot: () => undefined, maxConnections: 1 });
    const { signal, serve: options } = login();
    const unknown = context.connect("nobody", { serve: options });
    await context.clock.flush();
    const job = await context.registry.open("a");
    const broken = createMemoryClient();
    const failing = (): never => {
      throw new Error("no");
    };
    await expect(serve(broken.request, failing, job, options)).rejects.toThrow("no");
    context.connect("a");
    const refused = context.connect("a", { serve: options });
    expect([unknown.status, reasons(context).at(-1), refused.status]).toEqual([404, "busy", 200]);
    expect(listenerCount(signal)).toBe(0);
  });
});

describe("with a bare source", () => {
  const FIRST = "retry: 1500\n\n";

  function connectTo(context: TestRegistry, source?: () => unknown) {
    const { signal, serve: options, logout } = login();
    let connection: BareConnection | undefined;
    const client = context.connect(
      (own) => {
        connection = own;
        return source?.() as undefined;
      },
      { serve: options },
    );
    return { client, connection: connection as BareConnection, signal, logout };
  }

  test("the client is drained after what was pushed, and the source is released once", async () => {
    const context = createTestRegistry();
    let cleanups = 0;
    const { client, connection, signal, logout } = connectTo(context, () => () => cleanups++);
    expect(listenerCount(signal)).toBe(1);
    connection.push({ data: 1 });
    logout();
    expect(client.text).toBe(`${FIRST}data: 1\n\n${DRAIN}`);
    expect(connection.signal.reason).toMatchObject({ code: "ABORTED", cause: "aborted" });
    connection.push({ data: 2 });
    connection.close();
    await context.clock.flush();
    expect([client.text, cleanups]).toEqual([`${FIRST}data: 1\n\n${DRAIN}`, 1]);
    expect([client.state, reasons(context)]).toEqual(["flushed", ["aborted"]]);
    await expectReleased(context, signal, client);
  });

  test("a client that does not read is cut", async () => {
    const context = createTestRegistry();
    const { client, connection, signal, logout } = connectTo(context);
    client.stall();
    connection.push({ data: 1 });
    await context.clock.flush();
    logout();
    expect([client.text, client.state]).toEqual([`${FIRST}data: 1\n\n`, "destroyed"]);
    expect(reasons(context)).toEqual(["aborted"]);
    await expectReleased(context, signal, client);
  });

  test("the result of an async function is released when it arrives", async () => {
    const context = createTestRegistry();
    const setUp = Promise.withResolvers<() => void>();
    const { client, signal, logout } = connectTo(context, () => setUp.promise);
    logout();
    let cleanups = 0;
    setUp.resolve(() => void cleanups++);
    await expectReleased(context, signal, client);
    expect([client.text, cleanups]).toEqual([FIRST + DRAIN, 1]);
  });

  test("a source that aborts the signal itself is released", async () => {
    const context = createTestRegistry();
    const { serve: options, signal, logout } = login();
    let cleanups = 0;
    const client = context.connect(
      () => {
        logout();
        return () => void cleanups++;
      },
      { serve: options },
    );
    await expectReleased(context, signal, client);
    expect([client.text, cleanups]).toEqual([FIRST + DRAIN, 1]);
  });

  test("with a signal that has already aborted a function is not called, and a web stream is cancelled", async () => {
    const context = createTestRegistry();
    let runs = 0;
    let cancelled = 0;
    const client = context.connect(() => void runs++, { serve: { signal: ABORTED } });
    const rows = new ReadableStream<object>({ cancel: () => void cancelled++ }, { highWaterMark: 0 });
    const reader = context.connect(rows, { serve: { signal: ABORTED } });
    await expectReleased(context, ABORTED, client);
    expect([client.text, reader.text, runs, cancelled]).toEqual([FIRST + DRAIN, FIRST + DRAIN, 0, 1]);
    expect(reasons(context)).toEqual(["aborted", "aborted"]);
  });

  test("no listener is left after the source has closed", async () => {
    const context = createTestRegistry();
    const { client, connection, signal } = connectTo(context);
    connection.close();
    await expectReleased(context, signal, client);
  });
});

describe("the option itself", () => {
  test.each([null, true, "aborted", {}, new AbortController(), () => undefined])(
    "%j is not a signal, for any kind of source",
    async (signal) => {
      const { registry } = createTestRegistry();
      const options = { signal: signal as never };
      for (const source of [registry.stream("a"), () => undefined]) {
        const client = createMemoryClient();
        await expect(serve(client.request, client.open, source, options)).rejects.toMatchObject({
          code: "INVALID_OPTION",
          message: expect.stringContaining("`signal` must be an AbortSignal"),
        });
        expect([client.status, listenerCount(client.request.signal)]).toEqual([undefined, 0]);
      }
    },
  );

  test("exists only in the options of a call", () => {
    expectTypeOf<ServeOptions>().toHaveProperty("signal");
    expectTypeOf<RegistryOptions>().not.toHaveProperty("signal");
    expectTypeOf<DeliveryOptions>().not.toHaveProperty("signal");
  });

  test("may be a signal of another realm", async () => {
    const context = createTestRegistry();
    await context.registry.open("a");
    const { signal } = new AbortController();
    const foreign = Object.create(null, {
      aborted: { get: () => signal.aborted },
      addEventListener: { value: signal.addEventListener.bind(signal) },
      removeEventListener: { value: signal.removeEventListener.bind(signal) },
    }) as AbortSignal;
    const client = context.connect("a", { serve: { signal: foreign } });
    expect([client.status, listenerCount(signal)]).toEqual([200, 1]);
    client.leave();
    expect(listenerCount(signal)).toBe(0);
  });
});
