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

interface Listening {
  readonly source: ResilientEventSource;
  readonly heard: string[];
}

/** Listens to everything that a test may send. */
async function listen(server: FakeServer, init: ResilientEventSourceInit = {}): Promise<Listening> {
  const { policy, ...rest } = init;
  const source = new ResilientEventSource(URL_OF_JOB, {
    ...optionsOf(server, rest),
    ...(policy !== undefined && { policy }),
  });
  const heard: string[] = [];
  const note = (told: Event): void => {
    const what = told instanceof MessageEvent ? `${told.data} ${told.lastEventId}` : "";
    const why = told instanceof LossEvent ? told.reason : "";
    heard.push(`${told.type} ${what}${why} ${source.readyState}`.replaceAll(/ +/g, " "));
  };
  for (const type of ["open", "message", "error", "tick", "stream.open", "stream.end", "stream.drain"]) {
    source.addEventListener(type, note);
  }
  onTestFinished(() => source.close());
  await server.clock.flush();
  return { source, heard };
}

describe("a drop-in for EventSource", () => {
  test("has its constants and attributes", async () => {
    const server = createFakeServer();
    const { source } = await listen(server, { withCredentials: true });
    expect([CONNECTING, OPENED, CLOSED]).toEqual([0, 1, 2]);
    expect([source.CONNECTING, source.OPEN, source.CLOSED]).toEqual([0, 1, 2]);
    expect(source).toBeInstanceOf(EventTarget);
    expect(source).toMatchObject({ url: URL_OF_JOB, withCredentials: true, readyState: CONNECTING });
    expect(server.last.init.credentials).toBe("include");
    const { source: other } = await listen(server);
    expect(other.withCredentials).toBe(false);
    expect(server.last.init.credentials).toBe("same-origin");
  });

  test("refuses a URL that is none with a SyntaxError", () => {
    const refusal = expect.objectContaining({ name: "SyntaxError" });
    expect(() => new ResilientEventSource("http://")).toThrow(refusal);
    expect(() => new ResilientEventSource("http://server.test", { policy: "strict" as never })).toThrow(
      '`policy` must be "standard" or a map, got strict.',
    );
  });

  test("tells of the connection and of what comes over it", async () => {
    const server = createFakeServer();
    const { heard } = await listen(server);
    server.last.open(event("a", "1") + event("b", undefined, "tick"));
    await server.clock.flush();
    server.last.cut();
    await server.clock.advance(500);
    server.last.open(event("c", "2"));
    await server.clock.flush();
    expect(heard).toEqual([
      "open 1",
      "message a 1 1",
      "tick b 1 1",
      "error network 0",
      "open 1",
      "message c 2 1",
    ]);
  });

  test("says where a message came from", async () => {
    const server = createFakeServer();
    const { source } = await listen(server);
    const origins: string[] = [];
    source.onmessage = ({ origin }) => origins.push(origin);
    server.last.open(event("a"));
    await server.clock.flush();
    expect(origins).toEqual(["http://server.test"]);
  });

  test("has handlers, in the place of the first", async () => {
    const server = createFakeServer();
    const { source } = await listen(server);
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

  test("has listeners with their types", () => {
    type Source = Pick<ResilientEventSource, "addEventListener">;
    const typed = (source: Source): void => {
      source.addEventListener("message", (told) => expectTypeOf(told).toEqualTypeOf<StreamMessageEvent>());
      source.addEventListener("tick", (told) => expectTypeOf(told).toEqualTypeOf<StreamMessageEvent>());
      source.addEventListener("open", (told) => expectTypeOf(told).toEqualTypeOf<Event>());
      source.addEventListener("error", (told) => expectTypeOf(told).toEqualTypeOf<Event>());
    };
    expect(typed).toBeTypeOf("function");
  });

  test("a listener may be an object, and may be removed", async () => {
    const server = createFakeServer();
    const { source } = await listen(server);
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

  test("close() is final, also from within a listener", async () => {
    const server = createFakeServer();
    const { source, heard } = await listen(server);
    source.onmessage = () => source.close();
    server.last.open(event("a") + event("b"));
    await server.clock.flush();
    expect(source.readyState).toBe(CLOSED);
    await server.clock.advance(600_000);
    expect(heard).toEqual(["open 1", "message a 1"]);
    expect(server.requests).toBe(1);
  });

  test("a server's event named `error` is no connection error", async () => {
    const server = createFakeServer();
    const { heard } = await listen(server);
    server.last.open(event("mine", "1", "error"));
    await server.clock.flush();
    expect(heard).toEqual(["open 1", "error mine 1 1"]);
  });
});

describe("resilient", () => {
  test("control events come by their names, and the end is one", async () => {
    const server = createFakeServer();
    const { source, heard } = await listen(server);
    server.last.open(
      control("open", OPEN, "k3v9x0q2ma.0") +
        event("a", "k3v9x0q2ma.1") +
        control("end", { status: "done" }, "k3v9x0q2ma.2.end"),
    );
    await server.clock.advance(600_000);
    expect(heard).toEqual([
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

  test("a drain is no error", async () => {
    const server = createFakeServer();
    const { heard } = await listen(server);
    server.last.open(control("drain", { reason: "shutdown" }));
    await server.clock.advance(500);
    server.last.open();
    await server.clock.flush();
    expect(heard).toEqual(["open 1", `stream.drain {"reason":"shutdown"} 1`, "open 1"]);
  });

  test("comes back where an EventSource gives up", async () => {
    const server = createFakeServer();
    const { heard } = await listen(server);
    server.last.answer(503);
    await server.clock.advance(500);
    server.last.open(event("a"));
    await server.clock.flush();
    expect(heard).toEqual(["error unavailable 0", "open 1", "message a 1"]);
  });

  test("a failure is told once, with its error, and can be reconnected from", async () => {
    const server = createFakeServer();
    const { source, heard } = await listen(server);
    const errors: unknown[] = [];
    source.onerror = (told) => {
      if (told instanceof LossEvent) errors.push(told.error);
    };
    const states: string[] = [];
    const off = source.subscribe(({ status }) => states.push(status));
    server.last.answer(404);
    await server.clock.flush();
    expect(heard).toEqual(["error refused 2"]);
    expect(errors).toEqual([expect.objectContaining({ reason: "refused", status: 404 })]);
    source.reconnect();
    await server.clock.flush();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(heard).toEqual(["error refused 2", "open 1", "message a 1"]);
    expect(states).toEqual(["closed", "connecting", "open"]);
    off();
    source.close();
    source.reconnect();
    await server.clock.flush();
    expect(server.requests).toBe(2);
  });

  test.each([
    ["at once", (act: () => void) => act()],
    ["a little later", (act: () => void) => queueMicrotask(act)],
  ])("a listener of its state may reconnect it, %s", async (_when, soon) => {
    const server = createFakeServer();
    const { source, heard } = await listen(server);
    const off = source.subscribe(({ status }) => {
      if (status !== "closed") return;
      off();
      soon(() => source.reconnect());
    });
    server.last.answer(404);
    await server.clock.flush();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(heard).toEqual(["open 1", "message a 1"]);
    expect(source.state).toEqual({ status: "open" });
  });

  test("what a function of the user's throws is told as the error", async () => {
    const server = createFakeServer();
    const error = new Error("a bug");
    const told: unknown[] = [];
    const { source } = await listen(server, {
      policy: {
        network: () => {
          throw error;
        },
      },
    });
    source.onerror = (loss) =>
      told.push(loss instanceof LossEvent && [loss.reason, loss.message, loss.error]);
    server.last.cut();
    await server.clock.flush();
    expect(told).toEqual([["failed", "a bug", error]]);
    expect(source.readyState).toBe(CLOSED);
  });
});

describe("as the standard says", () => {
  const standard = { policy: "standard" } as const;

  test.each([
    ["204", (server: FakeServer) => server.last.answer(204)],
    ["401", (server: FakeServer) => server.last.answer(401)],
    ["404", (server: FakeServer) => server.last.answer(404)],
    ["503", (server: FakeServer) => server.last.answer(503)],
    ["html", (server: FakeServer) => server.last.answer(200, { "content-type": "text/html" }, "")],
  ])("%s is the end", async (_what, answer) => {
    const server = createFakeServer();
    const { source, heard } = await listen(server, standard);
    answer(server);
    await server.clock.advance(600_000);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^error .* 2$/);
    expect(source.readyState).toBe(CLOSED);
    expect(server.requests).toBe(1);
  });

  test("it comes back after the reconnection time, for ever", async () => {
    const server = createFakeServer();
    await listen(server, standard);
    server.last.open("retry: 700\n\n").end();
    server.onRequest = (exchange) => exchange.cut();
    await server.clock.advance(700_000);
    expect(new Set(server.delays)).toEqual(new Set([700]));
    expect(server.delays).toHaveLength(1_000);
  });

  test("control events are events like any other, and silence is no sign", async () => {
    const server = createFakeServer();
    const { heard } = await listen(server, standard);
    server.last.open(
      control("open", OPEN, "k3v9x0q2ma.0") +
        control("end", { status: "done" }, "k3v9x0q2ma.9.end") +
        event("a", "k3v9x0q2ma.1"),
    );
    await server.clock.advance(86_400_000);
    expect(heard).toEqual([
      "open 1",
      `stream.open ${JSON.stringify(OPEN)} k3v9x0q2ma.0 1`,
      `stream.end {"status":"done"} k3v9x0q2ma.9.end 1`,
      "message a k3v9x0q2ma.1 1",
    ]);
    expect(server.requests).toBe(1);
  });
});
