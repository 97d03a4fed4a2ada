import { describe, expect, test } from "vitest";
import { ConnectionError, type LossReason } from "../../src/index.ts";
import { createFakeServer, type Exchange } from "../support/fake-server.ts";
import { event, follow } from "../support/follow.ts";

type Row = readonly [reason: LossReason, what: string, respond: (exchange: Exchange) => void];

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
  ["no-content", "204", (exchange) => exchange.respond(204)],
  ["unauthorized", "401", (exchange) => exchange.respond(401)],
  ["unauthorized", "403", (exchange) => exchange.respond(403)],
  ...[408, 425, 429, 500, 502, 503, 504].map((status): Row => [
    "unavailable",
    String(status),
    (exchange) => exchange.respond(status),
  ]),
  ...[201, 206, 300, 304, 400, 404, 405, 410, 418].map((status): Row => [
    "refused",
    String(status),
    (exchange) => exchange.respond(status),
  ]),
  [
    "content-type",
    "200 with HTML",
    (exchange) => exchange.respond(200, { "content-type": "text/html" }, "<p>"),
  ],
  ["network", "200 without a type: its head may have been cut", (exchange) => exchange.respond(200)],
  ["too-large", "an event over the limit", (exchange) => exchange.open(event("x".repeat(4_194_305)))],
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

describe.each(ROWS)("%s: %s", (reason, _what, respond) => {
  test(`leads to ${DEFAULTS[reason]}`, async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    respond(server.last);
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
        respond(server.last);
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

  test.each(["retry", "refresh", "done", "fatal"] as const)(
    "leads to %s if the policy says so",
    async (action) => {
      const server = createFakeServer();
      const followed = await follow(server, { policy: { [reason]: action } });
      respond(server.last);
      await server.clock.advance(1_000);
      expect(server.requests).toBe(action === "retry" || action === "refresh" ? 2 : 1);
      if (action === "done") expect(followed.ended).toBe(true);
      if (action === "fatal") expect(followed.ended).toBeInstanceOf(ConnectionError);
      if (action === "fatal") expect(followed.ended).toMatchObject({ name: "ConnectionError", reason });
    },
  );

  test("leads to what a function of the policy returns", async () => {
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
    respond(server.last);
    await server.clock.flush();
    expect(losses).toEqual([expect.objectContaining({ reason, message: expect.any(String) })]);
    expect(followed.ended).toBe(true);
  });
});

test("the error has the status of the response, and the cause", async () => {
  const server = createFakeServer();
  const refused = await follow(server);
  server.last.respond(404);
  await server.clock.flush();
  expect(refused.ended).toMatchObject({ reason: "refused", status: 404 });
  expect(refused.connection.state).toMatchObject({ error: refused.ended });

  const cut = await follow(server, { policy: { network: "fatal" } });
  server.last.cut();
  await server.clock.flush();
  expect(cut.ended).toMatchObject({ reason: "network", cause: new TypeError("terminated") });
});

test("the connection fails with what a function of the policy throws", async () => {
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

test("an unknown action is a TypeError in the options, and a failure when a function returns it", async () => {
  const server = createFakeServer();
  await expect(follow(server, { policy: { eof: "rerty" as never } })).rejects.toThrow(
    "`eof` must be retry|refresh|done|fatal, got rerty.",
  );
  const followed = await follow(server, { policy: { eof: () => "rerty" as never } });
  server.last.open().end();
  await server.clock.flush();
  expect(followed.ended).toMatchObject({ reason: "eof" });
});
