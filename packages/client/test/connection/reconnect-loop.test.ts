import { describe, expect, test } from "vitest";
import { createHttpTransport } from "../../src/connection/http-transport.ts";
import { readOptions, type ResilienceOptions } from "../../src/connection/options.ts";
import { createReconnectLoop, type ReconnectLoop } from "../../src/connection/reconnect-loop.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import { control, event, OPEN, optionsOf, URL_OF_JOB } from "../support/follow.ts";

interface Run {
  readonly loop: ReconnectLoop<{ readonly data: string }>;
  readonly lifetime: AbortController;
  /** The statuses of the state, and how the loop finished. */
  readonly log: string[];
  readonly delivered: string[];
  /** What the run threw. */
  readonly thrown: () => unknown;
}

/** Runs a loop, and pulls everything that it yields. */
async function run(server: FakeServer, options: ResilienceOptions = {}): Promise<Run> {
  const lifetime = new AbortController();
  const log: string[] = [];
  const delivered: string[] = [];
  let thrown: unknown;
  const settings = readOptions(optionsOf(server, options));
  const loop = createReconnectLoop(
    settings,
    createHttpTransport(URL_OF_JOB, settings),
    ({ isControl, data }) => (isControl || data === "skip" ? undefined : { data }),
    ({ status }) => log.push(status),
    (reason) => {
      log.push(`finished: ${reason}`);
      lifetime.abort();
    },
  );
  void (async () => {
    try {
      for await (const { data } of loop.run(lifetime.signal)) delivered.push(data);
    } catch (error) {
      thrown = error;
    }
  })();
  await server.clock.flush();
  return { loop, lifetime, log, delivered, thrown: () => thrown };
}

test("it reads one response after another, until the stream is done", async () => {
  const server = createFakeServer();
  const { delivered, log } = await run(server);
  server.last.open(event("a", "1")).end();
  await server.clock.advance(500);
  expect(server.last.header("last-event-id")).toBe("1");
  server.last.open(event("b", "2") + control("end", { status: "done" }));
  await server.clock.flush();
  expect(delivered).toEqual(["a", "b"]);
  expect(log).toEqual(["connecting", "open", "retrying", "connecting", "open", "finished: done"]);
});

test("it throws when there is no point in retrying, after it has finished", async () => {
  const server = createFakeServer();
  const { log, thrown } = await run(server);
  server.last.respond(404);
  await server.clock.flush();
  expect(log).toEqual(["connecting", "finished: failed"]);
  expect(thrown()).toMatchObject({ name: "ConnectionError", reason: "refused" });
});

test("it sets the state that control events describe", async () => {
  const server = createFakeServer();
  const { lifetime, log } = await run(server);
  server.last.open(
    control("open", { ...OPEN, state: "waiting" }) + control("open", OPEN) + control("live", {}),
  );
  await server.clock.flush();
  expect(log).toEqual(["connecting", "open", "waiting", "replaying", "live"]);
  lifetime.abort();
});

describe("lastEventId", () => {
  test("moves when the application takes an event, and over what is left out", async () => {
    const server = createFakeServer();
    const lifetime = new AbortController();
    const settings = readOptions(optionsOf(server, { lastEventId: "0" }));
    const loop = createReconnectLoop(
      settings,
      createHttpTransport(URL_OF_JOB, settings),
      ({ data, id }) => (data === "skip" ? undefined : { id }),
      () => undefined,
      () => undefined,
    );
    const events = loop.run(lifetime.signal);
    const first = events.next();
    await server.clock.flush();
    server.last.open(event("skip", "1") + event("a", "2") + event("b", "3") + "id: 4\n\n");
    expect(await first).toMatchObject({ value: { id: "2" } });
    // The application takes an event by setting its id.
    expect(loop.lastEventId).toBe("1");
    expect(await events.next()).toMatchObject({ value: { id: "3" } });
    const end = events.next();
    await server.clock.flush();
    expect(loop.lastEventId).toBe("4");
    lifetime.abort();
    expect(await end).toEqual({ done: true, value: undefined });
  });

  test("is where the loop continues after a failure", async () => {
    const server = createFakeServer();
    const { loop } = await run(server);
    server.last.open(event("a", "1") + event("b", "2"));
    await server.clock.flush();
    server.last.cut();
    await server.clock.advance(500);
    server.last.respond(404);
    await server.clock.flush();
    loop.lastEventId = "1";
    const lifetime = new AbortController();
    const next = loop.run(lifetime.signal).next();
    await server.clock.flush();
    expect(server.last.header("last-event-id")).toBe("1");
    lifetime.abort();
    await next;
  });
});

describe("reconnect()", () => {
  test("replaces the response, and skips a delay", async () => {
    const server = createFakeServer();
    const { lifetime, log, loop } = await run(server);
    const first = server.last.open();
    await server.clock.flush();
    loop.reconnect();
    await server.clock.advance(0);
    expect([first.isOver, server.requests]).toEqual([true, 2]);
    server.last.respond(503, { "retry-after": "60" });
    await server.clock.flush();
    loop.reconnect();
    await server.clock.flush();
    expect(server.requests).toBe(3);
    expect(log).toEqual(["connecting", "open", "retrying", "connecting", "retrying", "connecting"]);
    lifetime.abort();
  });
});

describe("when its lifetime ends, it stops without a finish or an error", () => {
  test.each<[string, (server: FakeServer) => unknown]>([
    ["before the response", () => undefined],
    ["during a response", ({ last }) => last.open(event("a"))],
    ["during a delay", ({ last }) => last.respond(503)],
  ])("%s", async (_when, prepare) => {
    const server = createFakeServer();
    const { lifetime, log, thrown } = await run(server);
    prepare(server);
    await server.clock.flush();
    lifetime.abort();
    const before = [...log];
    await server.clock.advance(600_000);
    expect(log).toEqual(before);
    expect([thrown(), server.requests, server.clock.timers]).toEqual([undefined, 1, 0]);
  });
});

test("an error of the application's conversion ends it, and releases the response", async () => {
  const server = createFakeServer();
  const lifetime = new AbortController();
  const bug = new Error("A bug in the application.");
  const finished: unknown[] = [];
  const settings = readOptions(optionsOf(server, {}));
  const loop = createReconnectLoop(
    settings,
    createHttpTransport(URL_OF_JOB, settings),
    () => {
      throw bug;
    },
    () => undefined,
    (reason, error) => {
      finished.push(reason, error);
      lifetime.abort();
    },
  );
  const result = loop.run(lifetime.signal).next();
  await server.clock.flush();
  server.last.open(event("a"));
  await expect(result).rejects.toBe(bug);
  expect(finished).toEqual(["failed", bug]);
  await server.clock.flush();
  expect(server.last.isOver).toBe(true);
});
