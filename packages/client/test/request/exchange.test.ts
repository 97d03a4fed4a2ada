import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import type { FetchArguments } from "../../src/request/create-request.ts";
import { exchange } from "../../src/request/exchange.ts";
import { createWatchdog } from "../../src/request/watchdog.ts";
import type { Attempt } from "../../src/retry/attempt.ts";
import { FakeServer } from "../support/fake-server.ts";

const text = new TextDecoder();

/** Starts an exchange with a fake server, and collects what it yields. */
function start(
  options: {
    readonly server?: FakeServer;
    readonly fetch?: typeof globalThis.fetch;
    readonly createRequest?: () => Promise<FetchArguments>;
  } = {},
): {
  readonly attempt: Attempt;
  readonly server: FakeServer;
  readonly opened: string[];
  readonly pieces: string[];
  readonly isOver: () => boolean;
} {
  const { server = new FakeServer() } = options;
  const attempt: Attempt = new AbortController();
  const { clock } = server;
  const watchdog = createWatchdog(clock, () => attempt.abort({ reason: "stalled", message: "Silent." }));
  const opened: string[] = [];
  const pieces: string[] = [];
  let isOver = false;
  const results = exchange(
    attempt,
    { clock, connectTimeout: 1_000, fetch: options.fetch ?? server.fetch },
    watchdog,
    options.createRequest ?? (async () => ["http://server.test/", { signal: attempt.signal }]),
    (url) => {
      opened.push(url);
      return (bytes) => text.decode(bytes);
    },
    () => 500,
  );
  void (async () => {
    for await (const piece of results) pieces.push(piece);
    isOver = true;
  })();
  return { attempt, server, opened, pieces, isOver: () => isOver };
}

describe("an exchange", () => {
  test("yields what is parsed from the response, until the response ends", async () => {
    const { attempt, server, opened, pieces, isOver } = start();
    await server.clock.flush();
    server.last.open("one");
    await server.clock.flush();
    server.last.send("two");
    await server.clock.flush();
    expect([opened, pieces, isOver()]).toEqual([["http://server.test/"], ["one", "two"], false]);
    server.last.end();
    await server.clock.flush();
    expect(isOver()).toBe(true);
    expect(attempt.signal.reason).toEqual({ reason: "eof", message: "The response ended." });
    expect(server.clock.timers).toBe(0);
  });

  test("ends the attempt if the request cannot be made", async () => {
    const cause = new Error("The token server is down.");
    const { attempt, server, isOver } = start({ createRequest: () => Promise.reject(cause) });
    await server.clock.flush();
    expect(attempt.signal.reason).toEqual({ reason: "request", message: "The request failed.", cause });
    expect([isOver(), server.requests, server.clock.timers]).toEqual([true, 0, 0]);
  });

  test("ends the attempt if the network fails, before the response or within it", async () => {
    for (const prepare of [() => undefined, (server: FakeServer) => void server.last.open("one")]) {
      const { attempt, server, isOver } = start();
      await server.clock.flush();
      prepare(server);
      await server.clock.flush();
      server.last.cut();
      await server.clock.flush();
      expect(attempt.signal.reason).toMatchObject({ reason: "network", message: "The network failed." });
      expect([isOver(), server.clock.timers]).toEqual([true, 0]);
    }
  });

  test("ends the attempt if the response is no event stream, and cancels its body", async () => {
    let isCancelled = false;
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
    const { attempt, server, opened, isOver } = start({
      fetch: async () => new Response(body, { headers: { "content-type": "text/html" } }),
    });
    await server.clock.flush();
    expect(attempt.signal.reason).toMatchObject({ reason: "content-type", status: 200 });
    expect([opened, isOver(), isCancelled, server.clock.timers]).toEqual([[], true, true, 0]);
  });

  test("treats a response without a body as one that ended", async () => {
    const { attempt, server } = start({
      fetch: async () => new Response(null, { headers: { "content-type": "text/event-stream" } }),
    });
    await server.clock.flush();
    expect(attempt.signal.reason).toMatchObject({ reason: "eof" });
  });

  test.each([
    ["React Native's", undefined],
    ["node-fetch, whose body is a stream of Node", new PassThrough()],
  ])("ends for good if `fetch` does not stream, with the remedy: %s", async (_whose, body) => {
    const headers = new Headers({ "content-type": "text/event-stream" });
    const { attempt, server } = start({
      fetch: async () => ({ status: 200, headers, body }) as unknown as Response,
    });
    await server.clock.flush();
    expect(attempt.signal.reason).toMatchObject({
      type: "fatal",
      reason: "unsupported",
      message: expect.stringContaining("expo/fetch"),
    });
  });

  test("is limited by the connect timeout, then by the idle timeout", async () => {
    const slow = start();
    await slow.server.clock.advance(999);
    expect(slow.attempt.signal.aborted).toBe(false);
    await slow.server.clock.advance(1);
    expect(slow.attempt.signal.reason).toMatchObject({ reason: "stalled" });

    const silent = start();
    await silent.server.clock.flush();
    silent.server.last.open("one");
    await silent.server.clock.advance(499);
    expect(silent.attempt.signal.aborted).toBe(false);
    await silent.server.clock.advance(1);
    expect(silent.attempt.signal.reason).toMatchObject({ reason: "stalled" });
    expect(silent.server.last.isOver).toBe(true);
  });
});

describe("when the attempt is aborted, an exchange ends", () => {
  const abort = (attempt: Attempt): void => attempt.abort({ type: "interrupt", reason: "closed" });

  test("while the request is made, and makes no request", async () => {
    let finish: (request: FetchArguments) => void = () => undefined;
    const { attempt, server, isOver } = start({
      createRequest: () => new Promise((resolve) => (finish = resolve)),
    });
    await server.clock.flush();
    abort(attempt);
    await server.clock.flush();
    expect([isOver(), server.clock.timers]).toEqual([true, 0]);
    finish(["http://server.test/", {}]);
    await server.clock.flush();
    expect(server.requests).toBe(0);
  });

  test("in the same turn in which the request is made, and makes no request", async () => {
    let finish: (request: FetchArguments) => void = () => undefined;
    const { attempt, server, isOver } = start({
      createRequest: () => new Promise((resolve) => (finish = resolve)),
    });
    await server.clock.flush();
    finish(["http://server.test/", {}]);
    abort(attempt);
    await server.clock.flush();
    expect([isOver(), server.requests, server.clock.timers]).toEqual([true, 0, 0]);
  });

  test("before the response, whose body is cancelled when it arrives after all", async () => {
    let isCancelled = false;
    let respond: (response: Response) => void = () => undefined;
    const { attempt, server, opened, isOver } = start({
      fetch: () => new Promise((resolve) => (respond = resolve)),
    });
    await server.clock.flush();
    abort(attempt);
    await server.clock.flush();
    expect(isOver()).toBe(true);
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
    respond(new Response(body, { headers: { "content-type": "text/event-stream" } }));
    await server.clock.flush();
    expect([opened, isCancelled]).toEqual([[], true]);
  });

  test("in the same turn in which the response arrives, without opening it", async () => {
    const { attempt, server, opened, isOver } = start();
    await server.clock.flush();
    server.last.open("one");
    abort(attempt);
    await server.clock.flush();
    expect([opened, isOver(), server.clock.timers]).toEqual([[], true, 0]);
    expect(attempt.signal.reason).toEqual({ type: "interrupt", reason: "closed" });
  });

  test("while it waits for bytes, and cancels the body", async () => {
    const { attempt, server, isOver } = start();
    await server.clock.flush();
    server.last.open("one");
    await server.clock.flush();
    abort(attempt);
    await server.clock.flush();
    expect([isOver(), server.last.isOver, server.clock.timers]).toEqual([true, true, 0]);
  });
});

test("the body is read only as the consumer pulls, without a timeout for the consumer", async () => {
  const server = new FakeServer();
  const attempt: Attempt = new AbortController();
  const { clock } = server;
  const results = exchange(
    attempt,
    { clock, connectTimeout: 1_000, fetch: server.fetch },
    createWatchdog(clock, () => attempt.abort({ reason: "stalled", message: "Silent." })),
    async () => ["http://server.test/", {}],
    () => (bytes) => text.decode(bytes),
    () => 500,
  );
  const first = results.next();
  await clock.flush();
  server.last.open("one");
  expect(await first).toEqual({ done: false, value: "one" });
  const { pulls } = server.last;
  await clock.advance(3_600_000);
  expect([server.last.pulls, attempt.signal.aborted]).toEqual([pulls, false]);
  attempt.abort({ type: "interrupt", reason: "closed" });
  expect(await results.next()).toEqual({ done: true, value: undefined });
});
