import { describe, expect, test } from "vitest";
import { connect } from "../../src/index.ts";
import { readOptions } from "../../src/connection/options.ts";
import { createRequest } from "../../src/request/create-request.ts";
import type { Attempt } from "../../src/retry/attempt.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { event, follow, optionsOf, collect, URL_OF_JOB } from "../support/follow.ts";

test("a request asks for an event stream, and bypasses caches", async () => {
  const server = createFakeServer();
  await follow(server);
  const { url, init } = server.last;
  expect(url).toBe(URL_OF_JOB);
  expect(server.last.header("accept")).toBe("text/event-stream");
  expect(init).toMatchObject({ method: "GET", cache: "no-store" });
  expect(init.body).toBeUndefined();
});

test("a request has the headers of the option, also its `accept`", async () => {
  const server = createFakeServer();
  await follow(server, {
    headers: [
      ["Authorization", "Bearer 1"],
      ["Accept", "text/html"],
    ],
    credentials: "include",
  });
  expect(server.last.header("authorization")).toBe("Bearer 1");
  expect(server.last.header("accept")).toBe("text/html");
  expect(server.last.init.credentials).toBe("include");
});

test("a `last-event-id` among the headers is sent until there is a cursor", async () => {
  const server = createFakeServer();
  await follow(server, { headers: { "last-event-id": "6" } });
  expect(server.last.header("last-event-id")).toBe("6");
  server.last.open(event("a", "7")).end();
  await server.clock.advance(1_000);
  expect(server.last.header("last-event-id")).toBe("7");
});

describe("an option that is a function is called before each attempt", () => {
  test("for the headers and the URL, asynchronous or not", async () => {
    const server = createFakeServer();
    let token = 0;
    const connection = connect(
      () => `http://server.test/${token}`,
      optionsOf(server, { headers: async () => ({ authorization: `Bearer ${++token}` }) }),
    );
    collect(connection);
    for (const count of [1, 2, 3]) {
      await server.clock.advance(10_000);
      expect(server.last.header("authorization")).toBe(`Bearer ${count}`);
      expect(server.last.url).toBe(`http://server.test/${count - 1}`);
      server.last.cut();
    }
  });

  test("and once more, at once, after a 401", async () => {
    const server = createFakeServer();
    let calls = 0;
    const followed = await follow(server, { headers: () => ({ authorization: String(++calls) }) });
    server.last.respond(401);
    await server.clock.advance(0);
    expect(server.last.header("authorization")).toBe("2");
    server.last.open(event("let in", "k3v9x0q2ma.1"));
    await server.clock.advance(0);
    server.last.end();
    await server.clock.advance(1_000);
    server.last.respond(401);
    await server.clock.advance(0);
    expect(calls).toBe(4);
    server.last.respond(401);
    await server.clock.advance(3_600_000);
    expect(calls).toBe(4);
    expect(followed.ended).toMatchObject({ reason: "unauthorized", status: 401 });
  });

  test("and its error is a loss, after which the client retries", async () => {
    const server = createFakeServer();
    const error = new Error("The token server is down.");
    let isDown = true;
    const { connection, messages } = await follow(server, {
      headers: async () => {
        if (isDown) throw error;
        return {};
      },
    });
    expect(connection.state).toMatchObject({ status: "retrying", reason: "request" });
    isDown = false;
    await server.clock.advance(1_000);
    server.last.open(event("a"));
    await server.clock.flush();
    expect(messages).toHaveLength(1);
  });
});

describe("a request that cannot be made is fatal at once", () => {
  const FATAL = { name: "ConnectionError", reason: "request" };

  test.each([
    ["a header's name", { headers: { "no name": "1" } }],
    ["a header's value", { headers: async () => ({ authorization: "Bearer 1\n2" }) }],
  ])("because of %s", async (_what, options) => {
    const server = createFakeServer();
    const followed = await follow(server, { ...options, policy: { request: "retry" } });
    expect(followed.ended).toMatchObject(FATAL);
    expect(followed.connection.state).toMatchObject({ status: "closed", reason: "failed" });
    expect(server.requests).toBe(0);
  });

  test.each([
    "ftp://server.test/",
    "httpx://server.test/",
    "data:text/event-stream,data:%20a%0A%0A",
    "ws://server.test/",
  ])("because of the scheme of %s", async (url) => {
    const server = createFakeServer();
    for (const asked of [url, () => url]) {
      const followed = collect(connect(asked, optionsOf(server, {})));
      await server.clock.flush();
      expect(followed.ended).toMatchObject(FATAL);
    }
    expect(server.requests).toBe(0);
  });

  test("and a POST that was not made can be made later", async () => {
    const server = createFakeServer();
    let value = "\n";
    const followed = await follow(server, { body: "question", headers: () => ({ "x-a": `a${value}b` }) });
    expect(followed.ended).toMatchObject(FATAL);
    value = "";
    followed.connection.reconnect();
    followed.resume();
    await server.clock.flush();
    expect(server.last.init.method).toBe("POST");
  });
});

test("a `fetch` that refuses the signals of jsdom gets none", async () => {
  const server = createFakeServer();
  const foreign = { signal: Object.assign(new EventTarget(), { aborted: false }) } as unknown as Attempt;
  const settings = readOptions(optionsOf(server, {}));
  expect((await createRequest(URL_OF_JOB, settings, "", false, foreign))[1].signal).toBeUndefined();
  const own: Attempt = new AbortController();
  expect((await createRequest(URL_OF_JOB, settings, "", false, own))[1].signal).toBe(own.signal);
});

describe("a POST", () => {
  const post = { method: "POST", body: "question", headers: { authorization: "me" } } as const;
  const summary = (server: ReturnType<typeof createFakeServer>): unknown[] =>
    server.exchanges.map(({ url, init: { method, body } }) => [method, new URL(url).pathname, body]);

  test("whose answer ended, without any id, is done", async () => {
    const server = createFakeServer();
    const followed = await follow(server, post);
    server.last.open(event("a") + event("b")).end();
    await server.clock.advance(1_000);
    expect([followed.ended, server.requests]).toEqual([true, 1]);
    expect(followed.connection.state).toMatchObject({ status: "closed", reason: "done" });
  });

  test("whose answer was cut, or whose policy says so, is not done", async () => {
    const server = createFakeServer();
    await follow(server, post);
    server.last.open(event("a")).cut();
    await server.clock.advance(1_000);
    expect(server.requests).toBe(2);
    const followed = await follow(server, { ...post, policy: { eof: "fatal" } });
    server.last.open(event("a")).end();
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "eof" });
  });

  test("is not repeated: its stream is resumed with GET", async () => {
    const server = createFakeServer();
    await follow(server, post);
    server.last.open(event("a", "1")).end();
    await server.clock.advance(1_000);
    server.last.cut();
    await server.clock.advance(1_000);
    expect(summary(server)).toEqual([
      ["POST", "/jobs/42", "question"],
      ["GET", "/jobs/42", undefined],
      ["GET", "/jobs/42", undefined],
    ]);
    expect(server.last.header("last-event-id")).toBe("1");
    expect(server.last.header("authorization")).toBe("me");
  });

  test.each([
    ["failed", (server: ReturnType<typeof createFakeServer>) => server.last.cut()],
    ["was answered with 503", (server: ReturnType<typeof createFakeServer>) => server.last.respond(503)],
  ])("that %s may have been processed, and is not repeated either", async (_what, lose) => {
    const server = createFakeServer();
    await follow(server, post);
    lose(server);
    await server.clock.advance(1_000);
    expect(summary(server)[1]).toEqual(["GET", "/jobs/42", undefined]);
  });

  test("is resumed at `resumeUrl`", async () => {
    const server = createFakeServer();
    let id = "";
    await follow(server, { ...post, resumeUrl: () => `http://server.test/answers/${id}` });
    id = "7";
    server.last.open(event("a", "1")).end();
    await server.clock.advance(1_000);
    expect(summary(server)[1]).toEqual(["GET", "/answers/7", undefined]);
  });

  test("that is idempotent is repeated, with a new body", async () => {
    const server = createFakeServer();
    let calls = 0;
    await follow(server, { ...post, body: async () => `question ${++calls}`, idempotent: true });
    server.last.cut();
    await server.clock.advance(1_000);
    expect(summary(server)).toEqual([
      ["POST", "/jobs/42", "question 1"],
      ["POST", "/jobs/42", "question 2"],
    ]);
  });

  test("that was answered with 401 was not processed, and is repeated", async () => {
    const server = createFakeServer();
    await follow(server, { body: "question" });
    server.last.respond(401);
    await server.clock.advance(0);
    expect(summary(server)).toEqual([
      ["POST", "/jobs/42", "question"],
      ["POST", "/jobs/42", "question"],
    ]);
  });
});
