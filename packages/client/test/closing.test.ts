import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, type Connection, type TextMessage } from "../src/index.ts";
import { createFakeServer, FakeServer } from "./support/fake-server.ts";
import { control, event, follow, OPEN, optionsOf, URL_OF_JOB } from "./support/follow.ts";

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeEach(() => void process.on("unhandledRejection", note));
afterEach(() => {
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

const WAYS: readonly (readonly [
  string,
  (connection: Connection<TextMessage>, abort: AbortController) => void,
])[] = [
  ["close()", (connection) => connection.close()],
  ["signal", (_connection, abort) => abort.abort()],
  ["using", (connection) => connection[Symbol.dispose]()],
  ["return()", (connection) => void connection.return()],
];

describe.each(WAYS)("%s", (_way, end) => {
  const MOMENTS: readonly (readonly [string, (server: FakeServer) => Promise<void>])[] = [
    ["before the answer", async () => undefined],
    ["while it waits for events", async (server) => void server.last.open(event("a"))],
    [
      "while it waits to come back",
      async (server) => {
        server.last.answer(503);
        await server.clock.flush();
      },
    ],
    ["when a response breaks off", async (server) => server.last.open(event("a")).cut()],
  ];

  test.each(MOMENTS)(
    "%s ends the iteration, lets go of everything, and is final",
    async (_moment, prepare) => {
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
      expect(server.exchanges.filter(({ isLeft }) => !isLeft)).toEqual([]);
      void followed;
    },
  );
});

test("a signal that has aborted asks for nothing", async () => {
  const server = createFakeServer();
  let asked = 0;
  const followed = await follow(server, {
    signal: AbortSignal.abort(),
    headers: () => ({ "x-asked": `${++asked}` }),
  });
  await server.clock.advance(1_000);
  expect(followed.ended).toBe(true);
  expect(followed.connection.state).toEqual({ status: "closed", reason: "closed" });
  expect(asked).toBe(0);
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
  expect(server.last.isLeft).toBe(true);
});

test("`using` closes it at the end of the block", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open(event("a"));
  {
    using connection = connect(URL_OF_JOB, optionsOf(server, {}));
    await connection.next();
  }
  expect(server.last.isLeft).toBe(true);
});

test("a `fetch` that does not know of signals is let go of when it answers", async () => {
  const server = createFakeServer();
  let cancelled = false;
  let answer: (response: Response) => void = () => undefined;
  const fetch = (): Promise<Response> => new Promise((resolve) => (answer = resolve));
  const { connection, ...followed } = await follow(server, { fetch });
  connection.close();
  await server.clock.flush();
  expect(followed.messages).toEqual([]);
  const body = new ReadableStream({ cancel: () => void (cancelled = true) });
  answer(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  await server.clock.flush();
  expect(cancelled).toBe(true);
});

test("a listener may close it, whatever it is told", async () => {
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

test("a callback may close it, and what came with it is not told any more", async () => {
  const server = createFakeServer();
  let told = 0;
  const { connection, ...followed } = await follow(server, {
    onReset: () => connection.close(),
    onServerError: () => told++,
  });
  server.last.open(control("reset", {}, "k3v9x0q2ma.0") + control("error", {}) + event("a"));
  await server.clock.flush();
  expect(told).toBe(0);
  expect(followed.messages).toEqual([]);
});

/** What may happen to a connection, in any order. */
type Step = (server: FakeServer, connection: Connection<TextMessage>, abort: AbortController) => unknown;
const STEPS: readonly (readonly [string, Step])[] = [
  ["open", ({ last }) => last.open(control("open", OPEN, "k3v9x0q2ma.0"))],
  ["event", ({ last }) => last.send(event("a"))],
  ["half an event", ({ last }) => last.send("data: ha")],
  ["end", ({ last }) => last.end()],
  ["cut", ({ last }) => last.cut()],
  ["503", ({ last }) => last.answer(503)],
  ["401", ({ last }) => last.answer(401)],
  ["404", ({ last }) => last.answer(404)],
  ["drain", ({ last }) => last.send(control("drain", { reason: "busy" }))],
  ["stream.end", ({ last }) => last.send(control("end", { status: "done" }))],
  ["next", (_server, connection) => void connection.next().catch(() => undefined)],
  ["reconnect", (_server, connection) => connection.reconnect()],
  ["a second", ({ clock }) => clock.advance(1_000)],
  ["a minute", ({ clock }) => clock.advance(60_000)],
  ["a turn", ({ clock }) => clock.flush()],
];

test("whatever has happened, nothing is left when it is closed", async () => {
  const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(...WAYS), async (history, [, end]) => {
      const server = new FakeServer();
      const abort = new AbortController();
      const connection = connect(URL_OF_JOB, optionsOf(server, { signal: abort.signal }));
      let called = 0;
      connection.subscribe(() => called++);
      for (const [, step] of history) {
        // An answer comes once, and nothing comes over what was left.
        if (server.requests > 0 && !(step.length < 2 && server.last.isLeft))
          await attempt(() => step(server, connection, abort));
      }
      end(connection, abort);
      const before = [called, server.requests];
      await server.clock.advance(120_000);
      expect([called, server.requests]).toEqual(before);
      expect(server.clock.timers).toBe(0);
      expect(server.exchanges.filter(({ isLeft }) => !isLeft)).toEqual([]);
      expect(await connection.next()).toEqual({ done: true, value: undefined });
    }),
    { numRuns: 500 },
  );
});

/** Some steps make no sense for a response that is over. */
async function attempt(step: () => unknown): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
