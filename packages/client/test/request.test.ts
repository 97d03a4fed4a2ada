import { afterEach, describe, expect, test, vi } from "vitest";
import { connect } from "../src/index.ts";
import { createFakeServer } from "./support/fake-server.ts";
import { event, follow, optionsOf, take, URL_OF_JOB } from "./support/follow.ts";

test("a request asks for an event stream, past every cache", async () => {
  const server = createFakeServer();
  await follow(server);
  const { url, init } = server.last;
  expect(url).toBe(URL_OF_JOB);
  expect(server.last.header("accept")).toBe("text/event-stream");
  expect(init).toMatchObject({ method: "GET", cache: "no-store" });
  expect(init.body).toBeUndefined();
});

test("its headers are the user's, but for what makes it an event stream's", async () => {
  const server = createFakeServer();
  await follow(server, {
    headers: [
      ["Authorization", "Bearer 1"],
      ["Accept", "text/html"],
    ],
    credentials: "include",
  });
  expect(server.last.header("authorization")).toBe("Bearer 1");
  expect(server.last.header("accept")).toBe("text/event-stream");
  expect(server.last.init.credentials).toBe("include");
});

describe("what is a function is asked before each attempt", () => {
  test("headers and url, asynchronous or not", async () => {
    const server = createFakeServer();
    let token = 0;
    const connection = connect(
      () => `http://server.test/${token}`,
      optionsOf(server, { headers: async () => ({ authorization: `Bearer ${++token}` }) }),
    );
    take(connection);
    for (const count of [1, 2, 3]) {
      await server.clock.advance(10_000);
      expect(server.last.header("authorization")).toBe(`Bearer ${count}`);
      expect(server.last.url).toBe(`http://server.test/${count - 1}`);
      server.last.cut();
    }
  });

  test("once more after a 401, at once, and not for ever", async () => {
    const server = createFakeServer();
    let asked = 0;
    const followed = await follow(server, { headers: () => ({ authorization: String(++asked) }) });
    server.last.answer(401);
    await server.clock.advance(0);
    expect(server.last.header("authorization")).toBe("2");
    server.last.open(event("let in", "1"));
    await server.clock.advance(0);
    server.last.end();
    await server.clock.advance(1_000);
    server.last.answer(401);
    await server.clock.advance(0);
    expect(asked).toBe(4);
    server.last.answer(401);
    await server.clock.advance(3_600_000);
    expect(asked).toBe(4);
    expect(followed.ended).toMatchObject({ reason: "unauthorized", status: 401 });
  });

  test("what it throws is a loss, and is tried again", async () => {
    const server = createFakeServer();
    const error = new Error("the token's server is down");
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

describe("a URL", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("that is none is refused at the door", () => {
    expect(() => connect("http://")).toThrow(TypeError);
    expect(() => connect("/relative")).toThrow(TypeError);
    expect(() => connect("http://server.test", { method: "POST", resumeUrl: "http://" })).toThrow(TypeError);
  });

  test("is that of the page, as for `fetch`", async () => {
    vi.stubGlobal("document", Object.assign(new EventTarget(), { baseURI: "http://page.test/base/" }));
    const server = createFakeServer();
    take(connect("../jobs?x#part", optionsOf(server, {})));
    await server.clock.flush();
    expect(server.last.url).toBe("http://page.test/jobs?x#part");
  });

  test("is that of the worker, where there is no page", async () => {
    vi.stubGlobal("location", { href: "http://page.test/worker.js" });
    const server = createFakeServer();
    take(connect(new URL("http://other.test/jobs"), optionsOf(server, {})));
    take(connect("jobs", optionsOf(server, {})));
    await server.clock.flush();
    expect(server.exchanges.map(({ url }) => url)).toEqual([
      "http://other.test/jobs",
      "http://page.test/jobs",
    ]);
  });
});

describe("a POST", () => {
  const post = { method: "POST", body: "question", headers: { authorization: "me" } } as const;
  const summary = (server: ReturnType<typeof createFakeServer>): unknown[] =>
    server.exchanges.map(({ url, init: { method, body } }) => [method, new URL(url).pathname, body]);

  test("is not repeated: its stream is resumed by GET", async () => {
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
    ["was answered 503", (server: ReturnType<typeof createFakeServer>) => server.last.answer(503)],
  ])("that %s may have been carried out, and is not repeated either", async (_what, lose) => {
    const server = createFakeServer();
    await follow(server, post);
    lose(server);
    await server.clock.advance(1_000);
    expect(summary(server)[1]).toEqual(["GET", "/jobs/42", undefined]);
  });

  test("is resumed elsewhere if that is said", async () => {
    const server = createFakeServer();
    let id = "";
    await follow(server, { ...post, resumeUrl: () => `http://server.test/answers/${id}` });
    id = "7";
    server.last.open(event("a", "1")).end();
    await server.clock.advance(1_000);
    expect(summary(server)[1]).toEqual(["GET", "/answers/7", undefined]);
  });

  test("that is idempotent is repeated, with its body asked anew", async () => {
    const server = createFakeServer();
    let asked = 0;
    await follow(server, { ...post, body: async () => `question ${++asked}`, idempotent: true });
    server.last.cut();
    await server.clock.advance(1_000);
    expect(summary(server)).toEqual([
      ["POST", "/jobs/42", "question 1"],
      ["POST", "/jobs/42", "question 2"],
    ]);
  });

  test("that was not let in was not carried out, and is made once more", async () => {
    const server = createFakeServer();
    await follow(server, { body: "question" });
    server.last.answer(401);
    await server.clock.advance(0);
    expect(summary(server)).toEqual([
      ["POST", "/jobs/42", "question"],
      ["POST", "/jobs/42", "question"],
    ]);
  });
});

test("an option that is wrong is refused at the door, with what was expected and what came", () => {
  const refusal = (options: object): string => {
    try {
      connect(URL_OF_JOB, options).close();
      return "none";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal({ giveUpAfter: -1 })).toBe("`giveUpAfter` must be positive, got -1.");
  expect(refusal({ idleTimeout: "1 s" })).toBe("`idleTimeout` must be positive, got 1 s.");
  expect(refusal({ connectTimeout: Number.NaN })).toBe("`connectTimeout` must be positive, got NaN.");
  expect(refusal({ maxEventSize: 0 })).toBe("`maxEventSize` must be positive, got 0.");
  expect(refusal({ method: "PUT" })).toBe("`method` must be GET|POST, got PUT.");
  expect(refusal({ resumeBy: "cookie" })).toBe("`resumeBy` must be header|query, got cookie.");
  expect(refusal({ onInvalid: "ignore" })).toBe("`onInvalid` must be skip|error, got ignore.");
  expect(refusal({ events: { token: "text" } })).toBe("`token` must be a function or a schema, got text.");
  expect(refusal({ giveUpAfter: undefined, policy: undefined, signal: undefined, fetch: vi.fn() })).toBe(
    "none",
  );
});
