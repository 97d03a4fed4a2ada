import { expect, test } from "vitest";
import { createFakeServer } from "./support/fake-server.ts";
import { event, follow } from "./support/follow.ts";

/* Defects of other clients that this one must not have. */
const HOUR = 3_600_000;

test("a `retry:` that overflows a timer does not cause a storm of requests", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open(`retry: 99999999999\n\n${event("a")}`).end();
  await follow(server);
  await server.clock.advance(HOUR);
  expect(server.requests).toBeLessThanOrEqual(31);
});

test("a server that accepts and closes gets few requests", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open().end();
  const followed = await follow(server);
  await server.clock.advance(HOUR);
  expect(server.requests).toBeLessThan(30);
  expect(followed.ended).toMatchObject({ reason: "gave-up", cause: { reason: "eof" } });
});

test("each request has a fresh token", async () => {
  const server = createFakeServer();
  let token = 1;
  await follow(server, { headers: () => ({ authorization: `Bearer ${token++}` }) });
  server.last.open(event("a")).end();
  await server.clock.advance(1_000);
  expect(server.last.header("authorization")).toBe("Bearer 2");
});

test("a request that is answered with 401 is not repeated forever", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.respond(401);
  await follow(server);
  await server.clock.advance(24 * HOUR);
  expect(server.requests).toBe(2);
});

test("a POST is not repeated unless it is declared idempotent", async () => {
  const server = createFakeServer();
  server.onRequest = (exchange) => exchange.open(event("a")).end();
  await follow(server, { method: "POST", body: "order a pizza" });
  await server.clock.advance(10_000);
  expect(server.exchanges.filter(({ init }) => init.method === "POST")).toHaveLength(1);
});

test("a body that stalls is detected, although its headers arrived in time", async () => {
  const server = createFakeServer();
  const { connection } = await follow(server);
  server.last.open();
  await server.clock.advance(45_000);
  expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
});

test("a socket that is dead after a sleep is detected", async () => {
  const server = createFakeServer();
  let asleep = 0;
  const clock = { ...server.clock, now: () => server.clock.now() + asleep };
  await follow(server, { clock });
  server.last.open(event("a"));
  await server.clock.advance(1_000);
  asleep = 8 * HOUR;
  await server.clock.advance(45_000);
  expect(server.requests).toBe(2);
});

test("an event of the server named `error` is not a connection error", async () => {
  const server = createFakeServer();
  const { messages, states } = await follow(server);
  server.last.open(event("mine", "1", "error"));
  await server.clock.flush();
  expect(messages).toEqual([{ id: "1", event: "error", data: "mine" }]);
  expect(states.map(({ status }) => status)).toEqual(["open"]);
});

test('a cross-origin resumption with `resumeBy: "query"` needs no preflight', async () => {
  const server = createFakeServer();
  await follow(server, { resumeBy: "query", lastEventId: "7" });
  const safelisted = ["accept", "accept-language", "content-language"];
  const names = [...new Headers(server.last.init.headers).keys()];
  expect(names.filter((name) => !safelisted.includes(name))).toEqual([]);
});
