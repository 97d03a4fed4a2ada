import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, type Connection, type TextMessage } from "../../src/index.ts";
import { createFakeServer, FakeServer } from "../support/fake-server.ts";
import { control, event, follow, OPEN, optionsOf, URL_OF_JOB } from "../support/follow.ts";

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeEach(() => void process.on("unhandledRejection", note));
afterEach(() => {
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

const WAYS_TO_CLOSE: readonly (readonly [
  string,
  (connection: Connection<TextMessage>, abort: AbortController) => void,
])[] = [
  ["close()", (connection) => connection.close()],
  ["signal", (_connection, abort) => abort.abort()],
  ["using", (connection) => connection[Symbol.dispose]()],
  ["return()", (connection) => void connection.return()],
];

describe.each(WAYS_TO_CLOSE)("%s", (_way, end) => {
  const MOMENTS: readonly (readonly [string, (server: FakeServer) => Promise<void>])[] = [
    ["before the response", async () => undefined],
    ["while it waits for events", async (server) => void server.last.open(event("a"))],
    [
      "during the delay before a retry",
      async (server) => {
        server.last.respond(503);
        await server.clock.flush();
      },
    ],
    ["when a response breaks off", async (server) => server.last.open(event("a")).cut()],
  ];

  test.each(MOMENTS)("%s ends the iteration, releases everything, and is final", async (_moment, prepare) => {
    const server = createFakeServer();
    const abort = new AbortController();
    const { connection, ...followed } = await follow(server, { signal: abort.signal });
    await prepare(server);
    let called = 0;
    connection.subscribe(() => called++);
    await server.clock.flush();
    called = 0;
    end(connection, abort);
    expect(connection.state).toEqual({ status: "closed", reason: "closed" });
    expect(called).toBe(1);
    const { requests } = server;
    await server.clock.advance(600_000);
    connection.reconnect();
    end(connection, abort);
    await server.clock.advance(600_000);
    expect(await connection.next()).toEqual({ done: true, value: undefined });
    expect(called).toBe(1);
    expect(server.requests).toBe(requests);
    expect(server.clock.timers).toBe(0);
    expect(server.exchanges.filter(({ isOver }) => !isOver)).toEqual([]);
    void followed;
  });
});

test("with a signal that has aborted, no request is made", async () => {
  const server = createFakeServer();
  let calls = 0;
  const followed = await follow(server, {
    signal: AbortSignal.abort(),
    headers: () => ({ "x-call": `${++calls}` }),
  });
  await server.clock.advance(1_000);
  expect(followed.ended).toMatchObject({ name: "AbortError" });
  expect(followed.connection.state).toEqual({ status: "closed", reason: "closed" });
  expect(calls).toBe(0);
});

describe("a signal that aborts", () => {
  test("rejects the pending or the next call of next(), once, with its reason", async () => {
    const server = createFakeServer();
    for (const isPending of [true, false]) {
      const abort = new AbortController();
      const connection = connect(URL_OF_JOB, optionsOf(server, { signal: abort.signal }));
      await server.clock.flush();
      const early = isPending ? connection.next() : undefined;
      abort.abort("enough");
      await expect(early ?? connection.next()).rejects.toBe("enough");
      expect(await connection.next()).toEqual({ done: true, value: undefined });
    }
  });

  test.each(["close", "return"] as const)("changes nothing after %s()", async (method) => {
    const server = createFakeServer();
    const abort = new AbortController();
    const connection = connect(URL_OF_JOB, optionsOf(server, { signal: abort.signal }));
    await server.clock.flush();
    const pending = connection.next();
    void connection[method]();
    abort.abort();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await connection.next()).toEqual({ done: true, value: undefined });
  });

  test("after a failure lets reconnect() make no request", async () => {
    const server = createFakeServer();
    const abort = new AbortController();
    const followed = await follow(server, { signal: abort.signal });
    server.last.respond(404);
    await server.clock.flush();
    abort.abort("enough");
    followed.connection.reconnect();
    await server.clock.flush();
    await expect(followed.connection.next()).rejects.toBe("enough");
    expect(server.requests).toBe(1);
  });

  test("may be one of jsdom's, but not anything", async () => {
    const server = createFakeServer();
    const signal = Object.assign(new EventTarget(), { aborted: false, reason: "left" });
    const followed = await follow(server, { signal: signal as never });
    signal.aborted = true;
    signal.dispatchEvent(new Event("abort"));
    await server.clock.flush();
    expect(followed.ended).toBe("left");
    expect(() => connect(URL_OF_JOB, { signal: new AbortController() as never })).toThrow(TypeError);
  });
});

test("leaving a loop closes the connection", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open(event("a") + event("b"));
  const connection = connect(URL_OF_JOB, optionsOf(server, {}));
  for await (const { data } of connection) {
    expect(data).toBe("a");
    break;
  }
  expect(connection.state).toEqual({ status: "closed", reason: "closed" });
  expect(server.last.isOver).toBe(true);
});

test("`using` closes the connection at the end of the block", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open(event("a"));
  {
    using connection = connect(URL_OF_JOB, optionsOf(server, {}));
    await connection.next();
  }
  expect(server.last.isOver).toBe(true);
});

test("the response of a `fetch` that ignores its signal is cancelled when it arrives", async () => {
  const server = createFakeServer();
  let cancelled = false;
  let respond: (response: Response) => void = () => undefined;
  const fetch = (): Promise<Response> => new Promise((resolve) => (respond = resolve));
  const { connection, ...followed } = await follow(server, { fetch });
  connection.close();
  await server.clock.flush();
  expect(followed.messages).toEqual([]);
  const body = new ReadableStream({ cancel: () => void (cancelled = true) });
  respond(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  await server.clock.flush();
  expect(cancelled).toBe(true);
});

test("a listener may close the connection in any state", async () => {
  for (const status of ["open", "waiting", "replaying", "live", "retrying", "connecting"]) {
    const server = createFakeServer();
    const { connection, ...followed } = await follow(server);
    connection.subscribe((state) => {
      if (state.status === status) connection.close();
    });
    server.last.open(
      control("open", { ...OPEN, state: "waiting" }) +
        control("open", OPEN) +
        control("live", {}) +
        event("a"),
    );
    await server.clock.flush();
    server.last.cut();
    await server.clock.advance(60_000);
    expect(connection.state).toEqual({ status: "closed", reason: "closed" });
    expect(server.clock.timers).toBe(0);
    void followed;
  }
});

test("a callback may close the connection: what arrived with it is not reported any more", async () => {
  const server = createFakeServer();
  let errors = 0;
  const { connection, ...followed } = await follow(server, {
    onReset: () => connection.close(),
    onServerError: () => errors++,
  });
  server.last.open(control("reset", {}, "k3v9x0q2ma.0") + control("error", {}) + event("a"));
  await server.clock.flush();
  expect(errors).toBe(0);
  expect(followed.messages).toEqual([]);
});

/** What can happen to a connection, in any order. */
type Step = (server: FakeServer, connection: Connection<TextMessage>, abort: AbortController) => unknown;
const STEPS: readonly (readonly [string, Step])[] = [
  ["open", ({ last }) => last.open(control("open", OPEN, "k3v9x0q2ma.0"))],
  ["event", ({ last }) => last.send(event("a"))],
  ["half an event", ({ last }) => last.send("data: ha")],
  ["end", ({ last }) => last.end()],
  ["cut", ({ last }) => last.cut()],
  ["503", ({ last }) => last.respond(503)],
  ["401", ({ last }) => last.respond(401)],
  ["404", ({ last }) => last.respond(404)],
  ["drain", ({ last }) => last.send(control("drain", { reason: "busy" }))],
  ["stream.end", ({ last }) => last.send(control("end", { status: "done" }))],
  ["next", (_server, connection) => void connection.next().catch(() => undefined)],
  ["reconnect", (_server, connection) => connection.reconnect()],
  ["a second", ({ clock }) => clock.advance(1_000)],
  ["a minute", ({ clock }) => clock.advance(60_000)],
  ["a turn", ({ clock }) => clock.flush()],
];

test("whatever has happened, nothing is left after close()", async () => {
  const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(...WAYS_TO_CLOSE), async (history, [, end]) => {
      const server = new FakeServer();
      const abort = new AbortController();
      const connection = connect(URL_OF_JOB, optionsOf(server, { signal: abort.signal }));
      let called = 0;
      connection.subscribe(() => called++);
      for (const [, step] of history) {
        // A response is given once, and nothing is sent over one that is over.
        if (server.requests > 0 && !(step.length < 2 && server.last.isOver))
          await attempt(() => step(server, connection, abort));
      }
      end(connection, abort);
      const before = [called, server.requests];
      await server.clock.advance(120_000);
      expect([called, server.requests]).toEqual(before);
      expect(server.clock.timers).toBe(0);
      expect(server.exchanges.filter(({ isOver }) => !isOver)).toEqual([]);
      // An abort rejects one call.
      await connection.next().catch(() => undefined);
      expect(await connection.next()).toEqual({ done: true, value: undefined });
    }),
    { numRuns: 500 },
  );
});

/** Runs a step, which may be impossible for a response that is over. */
async function attempt(step: () => unknown): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
