import { getEventListeners } from "node:events";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { BareConnection } from "../../src/connection/source.ts";
import type { DeliveryOptions, ServeOptions } from "../../src/connection/options.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createDatabase } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const DRAIN = 'event: stream.drain\nretry: 1500\ndata: {"reason":"aborted"}\n\n';
const ABORTED = AbortSignal.abort("logged out");

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const reasons = ({ observed }: TestRegistry): unknown[] =>
  observed.connectionClosed.map(({ reason }) => reason);

/** Something of the application's that can abort, and the options that say so. */
function login() {
  const controller = new AbortController();
  const { signal } = controller;
  return { signal, serve: { signal }, logout: () => controller.abort("logged out") };
}

/** Nothing is left of an answer that is over. */
async function nothingLeft(
  { registry, clock }: TestRegistry,
  signal: AbortSignal,
  client: TestClient,
): Promise<void> {
  await client.over;
  expect(listeners(signal)).toBe(0);
  expect(listeners(client.request.signal)).toBe(0);
  expect(registry.gauges()).toMatchObject({ connections: 0, waiting: 0 });
  await registry.close({ deadline: 0 });
  await clock.flush();
  expect(clock.timers).toBe(0);
}

describe("when the application's signal aborts", () => {
  test("its client is told to come back, and goes on where it was; the stream and the others stay", async () => {
    const place = createTestRegistry();
    const { registry, clock, connect } = place;
    const job = await registry.open("a");
    job.push({ data: 1 });
    const { signal, serve: options, logout } = login();
    const client = connect("a", { serve: options });
    const other = connect("a");
    const before = client.text;
    logout();
    expect([client.text, client.state]).toEqual([before + DRAIN, "flushed"]);
    expect(reasons(place)).toEqual(["aborted"]);
    job.push({ data: 2 });
    await clock.flush();
    expect([other.events, other.state, job.signal.aborted]).toEqual([[1, 2], "open", false]);
    expect(connect("a", { cursor: `${job.epoch}.1` }).events).toEqual([2]);
    other.leave();
    expect(listeners(signal)).toBe(0);
  });

  test("a client that holds gets no frame: it is cut", async () => {
    const place = createTestRegistry();
    const job = await place.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = place.connect("a", { serve: options });
    client.stall();
    job.push({ data: 1 });
    await place.clock.flush();
    logout();
    expect([client.state, reasons(place), job.readers]).toEqual(["destroyed", ["aborted"], 0]);
    expect(client.text).not.toContain("stream.drain");
    await nothingLeft(place, signal, client);
  });

  test("so is one that is amid its replay, and it has the rest when it comes back", async () => {
    const place = createTestRegistry();
    const job = await place.registry.open("a");
    for (const data of [1, 2, 3]) job.push({ data });
    const { serve: options, logout } = login();
    const client = createMemoryClient({ cursor: `${job.epoch}.1` });
    client.stall();
    const over = serve(client.request, client.open, job, options);
    logout();
    await over;
    // The first block went out, and nothing of what is held.
    expect([client.state, client.text.match(/^data: \d$/m)]).toEqual(["destroyed", null]);
    expect(place.connect("a", { cursor: `${job.epoch}.1` }).events).toEqual([2, 3]);
  });

  test("a client that waits for a stream is told so, and waits no more", async () => {
    const place = createTestRegistry();
    const { signal, serve: options, logout } = login();
    const client = place.connect("a", { serve: options });
    expect(place.registry.gauges().waiting).toBe(1);
    logout();
    expect(client.text.endsWith(DRAIN)).toBe(true);
    await place.registry.open("a");
    await place.clock.flush();
    expect([client.state, reasons(place)]).toEqual(["flushed", ["aborted"]]);
    expect(client.blocks.map(([event]) => event)).toEqual(["stream.open", "stream.drain"]);
    await nothingLeft(place, signal, client);
  });

  test("a client whose stream is looked for gets that as its answer, and nobody asks any more", async () => {
    const { snapshot, queries } = createDatabase();
    const place = createTestRegistry({ snapshot });
    const { signal, serve: options, logout } = login();
    const client = place.connect("a", { serve: options });
    expect(client.status).toBeUndefined();
    logout();
    expect([client.status, client.text, client.state]).toEqual([200, DRAIN, "flushed"]);
    queries[0]?.answer({ state: "done", events: [{ data: 1 }] });
    await place.clock.flush();
    expect([client.text, reasons(place)]).toEqual([DRAIN, ["aborted"]]);
    await nothingLeft(place, signal, client);
  });

  test("while the end is on its way, nothing changes", async () => {
    const place = createTestRegistry();
    const job = await place.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = place.connect("a", { serve: options });
    client.stall();
    await job.end();
    await place.clock.flush();
    expect([client.state, listeners(signal)]).toEqual(["closing", 0]);
    logout();
    client.drain();
    expect([client.state, reasons(place)]).toEqual(["flushed", ["ended"]]);
    expect(client.blocks.at(-1)?.[0]).toBe("stream.end");
    await nothingLeft(place, signal, client);
  });

  test("a client that does not read is not waited for, though the registry is closing", async () => {
    const place = createTestRegistry();
    const job = await place.registry.open("a");
    const { signal, serve: options, logout } = login();
    const client = place.connect("a", { serve: options });
    client.stall();
    job.push({ data: 1 });
    await place.clock.flush();
    const closed = place.registry.close();
    logout();
    expect([client.state, reasons(place)]).toEqual(["destroyed", ["aborted"]]);
    await closed;
    await nothingLeft(place, signal, client);
  });

  test("by who is told of the connection, it is the first that its client hears", async () => {
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

  test("all connections that have it are drained, and the rest are not", async () => {
    const place = createTestRegistry();
    await place.registry.open("a");
    const { signal, serve: options, logout } = login();
    const clients = Array.from({ length: 1_000 }, () => place.connect("a", { serve: options }));
    const others = [place.connect("a"), place.connect("a", { serve: login().serve })];
    expect(listeners(signal)).toBe(1_000);
    logout();
    expect(clients.every(({ text, state }) => text.endsWith(DRAIN) && state === "flushed")).toBe(true);
    expect(others.map(({ state }) => state)).toEqual(["open", "open"]);
    expect([listeners(signal), place.registry.gauges().connections]).toEqual([0, 2]);
  });
});

describe("a signal that has aborted before", () => {
  test("lets nobody in: nothing is looked up, and nothing registered", async () => {
    const { snapshot, queries } = createDatabase();
    const place = createTestRegistry({ snapshot });
    const client = place.connect("a", { serve: { signal: ABORTED } });
    expect([client.status, client.text, client.state]).toEqual([200, DRAIN, "flushed"]);
    expect([queries, reasons(place)]).toEqual([[], ["aborted"]]);
    await nothingLeft(place, ABORTED, client);
  });

  test.each([
    ["a HEAD", "a", { method: "HEAD" }, 200],
    ["a terminal cursor", "a", { cursor: "abcdefghij.3.end" }, 204],
    ["an impossible id", "", {}, 404],
  ])("leaves the answer to %s as it is", async (_what, id, request, status) => {
    const place = createTestRegistry();
    await place.registry.open("a");
    const client = place.connect(id, { ...request, serve: { signal: ABORTED } });
    expect([client.status, client.text, client.state]).toEqual([status, "", "flushed"]);
    await nothingLeft(place, ABORTED, client);
  });

  test("is told to who finds no room, too, but not to who comes when the registry closes", async () => {
    const place = createTestRegistry({ maxConnections: 1, overload: "refuse" });
    await place.registry.open("a");
    place.connect("a");
    const client = place.connect("a", { serve: { signal: ABORTED } });
    expect([client.status, client.text]).toEqual([200, DRAIN]);
    void place.registry.close();
    expect(place.connect("a", { serve: { signal: ABORTED } }).text).toContain('"shutdown"');
  });
});

describe("no listener is left on the application's signal", () => {
  const ways: Record<string, (place: TestRegistry, client: TestClient) => unknown> = {
    "after the end": ({ registry }) => registry.cancel("a"),
    "of a client that left": (_place, client) => client.leave(),
    "of a zombie": async ({ registry, clock }, client) => {
      client.stall();
      await registry.cancel("a");
      await clock.advance(90_000);
    },
    "after `maxDuration`": ({ clock }) => clock.advance(3_600_000),
    "after the registry has closed": ({ registry }) => registry.close(),
  };

  test.each(Object.entries(ways))("%s", async (_way, leave) => {
    const place = createTestRegistry({ idle: Infinity });
    await place.registry.open("a");
    const { signal, serve: options } = login();
    const client = place.connect("a", { serve: options });
    expect(listeners(signal)).toBe(1);
    await leave(place, client);
    await place.clock.flush();
    await nothingLeft(place, signal, client);
  });

  test("after a 404, a refusal, and an answer that could not begin", async () => {
    const place = createTestRegistry({ snapshot: () => undefined, maxConnections: 1 });
    const { signal, serve: options } = login();
    const unknown = place.connect("nobody", { serve: options });
    await place.clock.flush();
    const job = await place.registry.open("a");
    const broken = createMemoryClient();
    const failing = (): never => {
      throw new Error("no");
    };
    await expect(serve(broken.request, failing, job, options)).rejects.toThrow("no");
    place.connect("a");
    const refused = place.connect("a", { serve: options });
    expect([unknown.status, reasons(place).at(-1), refused.status]).toEqual([404, "busy", 200]);
    expect(listeners(signal)).toBe(0);
  });
});

describe("for a source without a stream", () => {
  const FIRST = "retry: 1500\n\n";

  function connectTo(place: TestRegistry, given?: () => unknown) {
    const { signal, serve: options, logout } = login();
    let connection: BareConnection | undefined;
    const client = place.connect(
      (own) => {
        connection = own;
        return given?.() as undefined;
      },
      { serve: options },
    );
    return { client, connection: connection as BareConnection, signal, logout };
  }

  test("it is the same: what was pushed goes out before, and the source is let go once", async () => {
    const place = createTestRegistry();
    let cleanups = 0;
    const { client, connection, signal, logout } = connectTo(place, () => () => cleanups++);
    expect(listeners(signal)).toBe(1);
    connection.push({ data: 1 });
    logout();
    expect(client.text).toBe(`${FIRST}data: 1\n\n${DRAIN}`);
    expect(connection.signal.reason).toMatchObject({ code: "ABORTED", cause: "aborted" });
    connection.push({ data: 2 });
    connection.close();
    await place.clock.flush();
    expect([client.text, cleanups]).toEqual([`${FIRST}data: 1\n\n${DRAIN}`, 1]);
    expect([client.state, reasons(place)]).toEqual(["flushed", ["aborted"]]);
    await nothingLeft(place, signal, client);
  });

  test("a client that holds is cut", async () => {
    const place = createTestRegistry();
    const { client, connection, signal, logout } = connectTo(place);
    client.stall();
    connection.push({ data: 1 });
    await place.clock.flush();
    logout();
    expect([client.text, client.state]).toEqual([`${FIRST}data: 1\n\n`, "destroyed"]);
    expect(reasons(place)).toEqual(["aborted"]);
    await nothingLeft(place, signal, client);
  });

  test("what is set up meanwhile is let go when it is there", async () => {
    const place = createTestRegistry();
    const setUp = Promise.withResolvers<() => void>();
    const { client, signal, logout } = connectTo(place, () => setUp.promise);
    logout();
    let cleanups = 0;
    setUp.resolve(() => void cleanups++);
    await nothingLeft(place, signal, client);
    expect([client.text, cleanups]).toEqual([FIRST + DRAIN, 1]);
  });

  test("by the source itself, what it gives is let go", async () => {
    const place = createTestRegistry();
    const { serve: options, signal, logout } = login();
    let cleanups = 0;
    const client = place.connect(
      () => {
        logout();
        return () => void cleanups++;
      },
      { serve: options },
    );
    await nothingLeft(place, signal, client);
    expect([client.text, cleanups]).toEqual([FIRST + DRAIN, 1]);
  });

  test("one that has aborted before lets no source run, and lets go of one that is there already", async () => {
    const place = createTestRegistry();
    let runs = 0;
    let cancelled = 0;
    const client = place.connect(() => void runs++, { serve: { signal: ABORTED } });
    const rows = new ReadableStream<object>({ cancel: () => void cancelled++ }, { highWaterMark: 0 });
    const reader = place.connect(rows, { serve: { signal: ABORTED } });
    await nothingLeft(place, ABORTED, client);
    expect([client.text, reader.text, runs, cancelled]).toEqual([FIRST + DRAIN, FIRST + DRAIN, 0, 1]);
    expect(reasons(place)).toEqual(["aborted", "aborted"]);
  });

  test("no listener is left when it has closed", async () => {
    const place = createTestRegistry();
    const { client, connection, signal } = connectTo(place);
    connection.close();
    await nothingLeft(place, signal, client);
  });
});

describe("at the door", () => {
  test.each([null, true, "aborted", {}, new AbortController(), () => undefined])(
    "%j is no signal, for whatever source",
    async (signal) => {
      const { registry } = createTestRegistry();
      const options = { signal: signal as never };
      for (const source of [registry.stream("a"), () => undefined]) {
        const client = createMemoryClient();
        await expect(serve(client.request, client.open, source, options)).rejects.toMatchObject({
          code: "INVALID_OPTION",
          message: expect.stringContaining("`signal` must be an AbortSignal"),
        });
        expect([client.status, listeners(client.request.signal)]).toEqual([undefined, 0]);
      }
    },
  );

  test("it is an option of a call alone", () => {
    expectTypeOf<ServeOptions>().toHaveProperty("signal");
    expectTypeOf<RegistryOptions>().not.toHaveProperty("signal");
    expectTypeOf<DeliveryOptions>().not.toHaveProperty("signal");
  });

  test("a signal of another realm is one", async () => {
    const place = createTestRegistry();
    await place.registry.open("a");
    const { signal } = new AbortController();
    const foreign = Object.create(null, {
      aborted: { get: () => signal.aborted },
      addEventListener: { value: signal.addEventListener.bind(signal) },
      removeEventListener: { value: signal.removeEventListener.bind(signal) },
    }) as AbortSignal;
    const client = place.connect("a", { serve: { signal: foreign } });
    expect([client.status, listeners(signal)]).toEqual([200, 1]);
    client.leave();
    expect(listeners(signal)).toBe(0);
  });
});
