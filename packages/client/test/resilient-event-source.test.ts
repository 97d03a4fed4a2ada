import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import {
  LossEvent,
  ResilientEventSource,
  type ResilientEventSourceInit,
  type StreamMessageEvent,
} from "../src/index.ts";
import { createFakeServer, type FakeServer } from "./support/fake-server.ts";
import { control, event, OPEN, optionsOf, URL_OF_JOB } from "./support/follow.ts";

const { CONNECTING, OPEN: OPENED, CLOSED } = ResilientEventSource;

interface Recorded {
  readonly source: ResilientEventSource;
  readonly dispatched: string[];
}

/** A source, and a record of the events that it dispatches. */
async function record(server: FakeServer, init: ResilientEventSourceInit = {}): Promise<Recorded> {
  const { policy, ...rest } = init;
  const source = new ResilientEventSource(URL_OF_JOB, {
    ...optionsOf(server, rest),
    ...(policy !== undefined && { policy }),
  });
  const dispatched: string[] = [];
  const note = (event: Event): void => {
    const what = event instanceof MessageEvent ? `${event.data} ${event.lastEventId}` : "";
    const why = event instanceof LossEvent ? event.reason : "";
    dispatched.push(`${event.type} ${what}${why} ${source.readyState}`.replaceAll(/ +/g, " "));
  };
  for (const type of ["open", "message", "error", "tick", "stream.open", "stream.end", "stream.drain"]) {
    source.addEventListener(type, note);
  }
  onTestFinished(() => source.close());
  await server.clock.flush();
  return { source, dispatched };
}

describe("a replacement for EventSource", () => {
  test("has its constants and attributes", async () => {
    const server = createFakeServer();
    const { source } = await record(server, { withCredentials: true });
    expect([CONNECTING, OPENED, CLOSED]).toEqual([0, 1, 2]);
    expect([source.CONNECTING, source.OPEN, source.CLOSED]).toEqual([0, 1, 2]);
    expect(source).toBeInstanceOf(EventTarget);
    expect(source).toMatchObject({ url: URL_OF_JOB, withCredentials: true, readyState: CONNECTING });
    expect(server.last.init.credentials).toBe("include");
    const { source: other } = await record(server);
    expect(other.withCredentials).toBe(false);
    expect(server.last.init.credentials).toBe("same-origin");
  });

  test("throws a SyntaxError for an invalid URL", () => {
    const syntaxError = expect.objectContaining({ name: "SyntaxError" });
    expect(() => new ResilientEventSource("http://")).toThrow(syntaxError);
    expect(() => new ResilientEventSource("http://server.test", { policy: "strict" as never })).toThrow(
      '`policy` must be "standard" or a map, got strict.',
    );
  });

  test("dispatches the events of the stream and those of the connection", async () => {
    const server = createFakeServer();
    const { dispatched } = await record(server);
    server.last.open(event("a", "1") + event("b", undefined, "tick"));
    await server.clock.flush();
    server.last.cut();
    await server.clock.advance(500);
    server.last.open(event("c", "2"));
    await server.clock.flush();
    expect(dispatched).toEqual([
      "open 1",
      "message a 1 1",
      "tick b 1 1",
      "error network 0",
      "open 1",
      "message c 2 1",
    ]);
  });

  test("gives each message its origin", async () => {
    const server = createFakeServer();
    const { source } = await record(server);
    const origins: string[] = [];
    source.onmessage = ({ origin }) => origins.push(origin);
    server.last.open(event("a"));
    await server.clock.flush();
    expect(origins).toEqual(["http://server.test"]);
  });

  test("has handlers, which keep the place of the first one", async () => {
    const server = createFakeServer();
    const { source } = await record(server);
    const called: string[] = [];
    expect(source.onopen).toBeNull();
    source.onopen = () => called.push("never");
    source.addEventListener("open", () => called.push("listener"));
    const handler = function (this: ResilientEventSource): void {
      called.push(`handler ${this === source}`);
    };
    source.onopen = handler;
    expect(source.onopen).toBe(handler);
    source.onerror = "no function" as never;
    expect(source.onerror).toBeNull();
    server.last.open();
    await server.clock.flush();
    expect(called).toEqual(["handler true", "listener"]);
    source.onopen = null;
    expect(source.onopen).toBeNull();
  });

  test("types the events of its listeners", () => {
    type Source = Pick<ResilientEventSource, "addEventListener">;
    const typed = (source: Source): void => {
      source.addEventListener("message", (event) => expectTypeOf(event).toEqualTypeOf<StreamMessageEvent>());
      source.addEventListener("tick", (event) => expectTypeOf(event).toEqualTypeOf<StreamMessageEvent>());
      source.addEventListener("open", (event) => expectTypeOf(event).toEqualTypeOf<Event>());
      source.addEventListener("error", (event) => expectTypeOf(event).toEqualTypeOf<Event>());
    };
    expect(typed).toBeTypeOf("function");
  });

  test("takes listeners that are objects, and removes listeners", async () => {
    const server = createFakeServer();
    const { source } = await record(server);
    let called = 0;
    const listener = { handleEvent: () => called++ };
    source.addEventListener("message", listener);
    server.last.open(event("a"));
    await server.clock.flush();
    source.removeEventListener("message", listener);
    server.last.send(event("b"));
    await server.clock.flush();
    expect(called).toBe(1);
  });

  test("dispatches nothing after close(), even if a listener calls it", async () => {
    const server = createFakeServer();
    const { source, dispatched } = await record(server);
    source.onmessage = () => source.close();
    server.last.open(event("a") + event("b"));
    await server.clock.flush();
    expect(source.readyState).toBe(CLOSED);
    await server.clock.advance(600_000);
    expect(dispatched).toEqual(["open 1", "message a 1"]);
    expect(server.requests).toBe(1);
  });

  test("dispatches an event of the server named `error` as a message", async () => {
    const server = createFakeServer();
    const { dispatched } = await record(server);
    server.last.open(event("mine", "1", "error"));
    await server.clock.flush();
    expect(dispatched).toEqual(["open 1", "error mine 1 1"]);
  });
});

describe("by default", () => {
  test("control events are dispatched under their names, and the end of the stream is an `error`", async () => {
    const server = createFakeServer();
    const { source, dispatched } = await record(server);
    server.last.open(
      control("open", OPEN, "k3v9x0q2ma.0") +
        event("a", "k3v9x0q2ma.1") +
        control("end", { status: "done" }, "k3v9x0q2ma.2.end"),
    );
    await server.clock.advance(600_000);
    expect(dispatched).toEqual([
      "open 1",
      `stream.open ${JSON.stringify(OPEN)} k3v9x0q2ma.0 1`,
      "message a k3v9x0q2ma.1 1",
      `stream.end {"status":"done"} k3v9x0q2ma.2.end 1`,
      "error done 2",
    ]);
    expect(source.state).toEqual({ status: "closed", reason: "done" });
    expect(source.lastEventId).toBe("k3v9x0q2ma.2.end");
    expect(server.requests).toBe(1);
  });

  test("a drain causes no `error`", async () => {
    const server = createFakeServer();
    const { dispatched } = await record(server);
    server.last.open(control("drain", { reason: "shutdown" }));
    await server.clock.advance(500);
    server.last.open();
    await server.clock.flush();
    expect(dispatched).toEqual(["open 1", `stream.drain {"reason":"shutdown"} 1`, "open 1"]);
  });

  test("the client reconnects where an EventSource gives up", async () => {
    const server = createFakeServer();
    const { dispatched } = await record(server);
    server.last.respond(503);
    await server.clock.advance(500);
    server.last.open(event("a"));
    await server.clock.flush();
    expect(dispatched).toEqual(["error unavailable 0", "open 1", "message a 1"]);
  });

  test("a failure is dispatched once, with its error, and reconnect() works after it", async () => {
    const server = createFakeServer();
    const { source, dispatched } = await record(server);
    const errors: unknown[] = [];
    source.onerror = (event) => {
      if (event instanceof LossEvent) errors.push(event.error);
    };
    const states: string[] = [];
    const off = source.subscribe(({ status }) => states.push(status));
    server.last.respond(404);
    await server.clock.flush();
    expect(dispatched).toEqual(["error refused 2"]);
    expect(errors).toEqual([expect.objectContaining({ reason: "refused", status: 404 })]);
    source.reconnect();
    await server.clock.flush();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(dispatched).toEqual(["error refused 2", "open 1", "message a 1"]);
    expect(states).toEqual(["closed", "connecting", "open"]);
    off();
    source.close();
    source.reconnect();
    await server.clock.flush();
    expect(server.requests).toBe(2);
  });

  test.each([
    ["at once", (act: () => void) => act()],
    ["in a microtask", (act: () => void) => queueMicrotask(act)],
  ])("a listener of the state may reconnect, %s", async (_when, run) => {
    const server = createFakeServer();
    const { source, dispatched } = await record(server);
    const off = source.subscribe(({ status }) => {
      if (status !== "closed") return;
      off();
      run(() => source.reconnect());
    });
    server.last.respond(404);
    await server.clock.flush();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(dispatched).toEqual(["open 1", "message a 1"]);
    expect(source.state).toEqual({ status: "open" });
  });

  test("an error of a function among the options is the error of the event", async () => {
    const server = createFakeServer();
    const error = new Error("a bug");
    const errors: unknown[] = [];
    const { source } = await record(server, {
      policy: {
        network: () => {
          throw error;
        },
      },
    });
    source.onerror = (loss) =>
      errors.push(loss instanceof LossEvent && [loss.reason, loss.message, loss.error]);
    server.last.cut();
    await server.clock.flush();
    expect(errors).toEqual([["failed", "a bug", error]]);
    expect(source.readyState).toBe(CLOSED);
  });
});

describe("with the policy `standard`", () => {
  const standard = { policy: "standard" } as const;

  test.each([
    ["204", (server: FakeServer) => server.last.respond(204)],
    ["401", (server: FakeServer) => server.last.respond(401)],
    ["404", (server: FakeServer) => server.last.respond(404)],
    ["503", (server: FakeServer) => server.last.respond(503)],
    ["HTML", (server: FakeServer) => server.last.respond(200, { "content-type": "text/html" }, "")],
  ])("%s is the end", async (_what, respond) => {
    const server = createFakeServer();
    const { source, dispatched } = await record(server, standard);
    respond(server);
    await server.clock.advance(600_000);
    expect(dispatched).toHaveLength(1);
    expect(dispatched[0]).toMatch(/^error .* 2$/);
    expect(source.readyState).toBe(CLOSED);
    expect(server.requests).toBe(1);
  });

  test("the client reconnects after the reconnection time, forever", async () => {
    const server = createFakeServer();
    await record(server, standard);
    server.last.open("retry: 700\n\n").end();
    server.onRequest = (exchange) => exchange.cut();
    await server.clock.advance(700_000);
    expect(new Set(server.delays)).toEqual(new Set([700]));
    expect(server.delays).toHaveLength(1_000);
  });

  test("options that contradict it are refused", () => {
    const refused = {
      backoff: {},
      body: "question",
      giveUpAfter: 1_000,
      idleTimeout: 45_000,
      maxEventSize: 1_000,
      method: "POST",
      resumeBy: "query",
      onReset: () => undefined,
    } as const;
    for (const [name, value] of Object.entries(refused)) {
      expect(() => new ResilientEventSource(URL_OF_JOB, { ...standard, [name]: value })).toThrow(
        `\`${name}\` must be left out with the policy "standard"`,
      );
    }
    const server = createFakeServer();
    const agreeing = { ...standard, giveUpAfter: Infinity, method: "GET" } as const;
    new ResilientEventSource(URL_OF_JOB, { ...agreeing, fetch: server.fetch, clock: server.clock }).close();
  });

  test("control events are ordinary events, and silence is no loss", async () => {
    const server = createFakeServer();
    const { dispatched } = await record(server, standard);
    server.last.open(
      control("open", OPEN, "k3v9x0q2ma.0") +
        control("end", { status: "done" }, "k3v9x0q2ma.9.end") +
        event("a", "k3v9x0q2ma.1"),
    );
    await server.clock.advance(86_400_000);
    expect(dispatched).toEqual([
      "open 1",
      `stream.open ${JSON.stringify(OPEN)} k3v9x0q2ma.0 1`,
      `stream.end {"status":"done"} k3v9x0q2ma.9.end 1`,
      "message a k3v9x0q2ma.1 1",
    ]);
    expect(server.requests).toBe(1);
  });
});
