import { describe, expect, test } from "vitest";
import { ConnectionError, type LossReason } from "../src/index.ts";
import { createFakeServer, type Exchange } from "./support/fake-server.ts";
import { event, follow } from "./support/follow.ts";

type Row = readonly [reason: LossReason, what: string, answer: (exchange: Exchange) => void];

const ROWS: readonly Row[] = [
  ["network", "a request that fails", (exchange) => exchange.cut()],
  [
    "network",
    "a response that breaks off",
    (exchange) => {
      exchange.open();
      exchange.cut();
    },
  ],
  ["eof", "a response that ends", (exchange) => exchange.open().end()],
  ["no-content", "204", (exchange) => exchange.answer(204)],
  ["unauthorized", "401", (exchange) => exchange.answer(401)],
  ["unauthorized", "403", (exchange) => exchange.answer(403)],
  ...[408, 425, 429, 500, 502, 503, 504].map((status): Row => [
    "unavailable",
    String(status),
    (exchange) => exchange.answer(status),
  ]),
  ...[201, 206, 300, 304, 400, 404, 405, 410, 418].map((status): Row => [
    "refused",
    String(status),
    (exchange) => exchange.answer(status),
  ]),
  [
    "content-type",
    "html with 200",
    (exchange) => exchange.answer(200, { "content-type": "text/html" }, "<p>"),
  ],
  ["network", "no type with 200: its head may have been cut", (exchange) => exchange.answer(200)],
  ["too-large", "an event over the limit", (exchange) => exchange.open(event("x".repeat(1_048_577)))],
];

const DEFAULTS: Record<LossReason, string> = {
  network: "retry",
  request: "retry",
  eof: "retry",
  "no-content": "done",
  unauthorized: "refresh",
  unavailable: "retry",
  refused: "fatal",
  "content-type": "fatal",
  "too-large": "fatal",
  stalled: "retry",
};

describe.each(ROWS)("%s: %s", (reason, _what, answer) => {
  test(`is answered by ${DEFAULTS[reason]}`, async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    answer(server.last);
    await server.clock.advance(0);
    const { state } = connection;
    switch (DEFAULTS[reason]) {
      case "retry":
        expect(state).toMatchObject({ status: "retrying", reason, attempt: 2, delay: 500 });
        await server.clock.advance(500);
        expect(server.requests).toBe(2);
        break;
      case "refresh":
        expect(server.requests).toBe(2);
        answer(server.last);
        await server.clock.advance(0);
        expect(connection.state).toMatchObject({ status: "closed", reason: "failed" });
        expect(server.requests).toBe(2);
        break;
      case "done":
        expect(state).toMatchObject({ status: "closed", reason: "done" });
        break;
      case "fatal":
        expect(state).toMatchObject({ status: "closed", error: { reason } });
    }
  });

  test.each(["retry", "refresh", "done", "fatal"] as const)("can be answered by %s", async (action) => {
    const server = createFakeServer();
    const followed = await follow(server, { policy: { [reason]: action } });
    answer(server.last);
    await server.clock.advance(1_000);
    expect(server.requests).toBe(action === "retry" || action === "refresh" ? 2 : 1);
    if (action === "done") expect(followed.ended).toBe(true);
    if (action === "fatal") expect(followed.ended).toBeInstanceOf(ConnectionError);
    if (action === "fatal") expect(followed.ended).toMatchObject({ name: "ConnectionError", reason });
  });

  test("can be answered as a function says", async () => {
    const server = createFakeServer();
    const losses: unknown[] = [];
    const followed = await follow(server, {
      policy: {
        [reason]: (loss: unknown) => {
          losses.push(loss);
          return "done";
        },
      },
    });
    answer(server.last);
    await server.clock.flush();
    expect(losses).toEqual([expect.objectContaining({ reason, message: expect.any(String) })]);
    expect(followed.ended).toBe(true);
  });
});

test("the error has the status, and the cause", async () => {
  const server = createFakeServer();
  const refused = await follow(server);
  server.last.answer(404);
  await server.clock.flush();
  expect(refused.ended).toMatchObject({ reason: "refused", status: 404 });
  expect(refused.connection.state).toMatchObject({ error: refused.ended });

  const cut = await follow(server, { policy: { network: "fatal" } });
  server.last.cut();
  await server.clock.flush();
  expect(cut.ended).toMatchObject({ reason: "network", cause: new TypeError("terminated") });
});

test("what a function of the user's throws is what it fails with", async () => {
  const server = createFakeServer();
  const error = new Error("a bug");
  const followed = await follow(server, {
    policy: {
      eof: () => {
        throw error;
      },
    },
  });
  server.last.open().end();
  await server.clock.flush();
  expect(followed.ended).toBe(error);
  expect(followed.connection.state).toEqual({ status: "closed", reason: "failed", error });
});

test("an action that is none is refused at the door, and later is a failure", async () => {
  const server = createFakeServer();
  await expect(follow(server, { policy: { eof: "rerty" as never } })).rejects.toThrow(
    "`eof` must be retry|refresh|done|fatal, got rerty.",
  );
  const followed = await follow(server, { policy: { eof: () => "rerty" as never } });
  server.last.open().end();
  await server.clock.flush();
  expect(followed.ended).toMatchObject({ reason: "eof" });
});
