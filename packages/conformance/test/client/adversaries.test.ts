import { connect, type Connection, type TextMessage } from "@holdfast/client";
import { createFakeClock } from "@holdfast/core/testing";
import type { RequestListener } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { letPass } from "./given-time.ts";
import { begin, openStrangeServer, pour, type StrangeServer } from "./strange-server.ts";

const SECOND = 1_000;
const MEGABYTE = 1 << 20;
/** Neither good luck nor bad. */
const random = (): number => 0.5;
/** What backoff comes to then: 25 attempts in five minutes. */
const ATTEMPTS = 25;

interface Endured {
  readonly server: StrangeServer;
  readonly connection: Connection<TextMessage>;
  /** Between its attempts, in seconds. */
  readonly delays: number[];
}

/** A client with such a server for as long as it wants, but for six minutes at most. */
async function endure(answer: RequestListener, done?: () => boolean): Promise<Endured> {
  const server = await openStrangeServer(answer);
  const clock = createFakeClock();
  const connection = connect(server.url, { clock, random });
  onTestFinished(connection.close);
  // What it fails with, its state tells.
  Array.fromAsync(connection).catch(() => undefined);
  const delays: number[] = [];
  connection.subscribe((state) => {
    if (state.status === "retrying") delays.push(state.delay / SECOND);
  });
  await letPass(clock, 360 * SECOND, connection, done);
  return { server, connection, delays };
}

const failed = (reason: string): object => ({ status: "closed", reason: "failed", error: { reason } });

test("a `retry:` of three thousand years is one of two minutes", async () => {
  const { connection, delays, server } = await endure((_req, res) => {
    begin(res).end("retry: 99999999999\n\n");
  });
  // The last one is what is left of five minutes.
  expect(delays).toEqual([132, 132, 36]);
  expect(server.requests).toBe(4);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("a server that accepts and closes is asked less and less often, and given up after five minutes", async () => {
  const { connection, delays, server } = await endure((_req, res) => {
    begin(res).end();
  });
  expect(delays.slice(0, 7)).toEqual([0.5, 1, 2, 4, 8, 15, 15]);
  expect(server.requests).toBe(ATTEMPTS);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("a redirect loop is a loss, and each attempt goes round as often as `fetch` lets it", async () => {
  const { connection, server } = await endure((_req, res) => {
    res.writeHead(302, { location: "/stream" }).end();
  });
  expect(server.requests).toBe(ATTEMPTS * 21);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("comments are a sign of life, and nothing else", async () => {
  let written = 0;
  let heard = 0;
  const { connection, server } = await endure(
    (_req, res) => {
      begin(res);
      const timer = setInterval(() => {
        res.write(":\n\n".repeat(1_000));
        written++;
      }, 1);
      res.on("close", () => clearInterval(timer));
    },
    () => {
      if (written === heard) return false;
      heard = written;
      return true;
    },
  );
  expect(connection.state).toEqual({ status: "open" });
  expect(server.requests).toBe(1);
});

test.each([
  { what: "line", start: "", text: "a".repeat(1_000) },
  { what: "line of data", start: "data: ", text: "a".repeat(1_000) },
  { what: "event", start: "", text: "data: and so on\n" },
])("an endless $what is read up to `maxEventSize`, once", async ({ start, text }) => {
  const { connection, server } = await endure((_req, res) => {
    begin(res).write(start);
    pour(res, text);
  });
  expect(connection.state).toMatchObject(failed("too-large"));
  expect(server.requests).toBe(1);
  // Most of it was on its way.
  expect(server.written).toBeLessThan(16 * MEGABYTE);
});

test("who is not authorised asks once more, with what may be a new token, and not a third time", async () => {
  const { connection, server } = await endure((_req, res) => {
    res.writeHead(401).end();
  });
  expect(server.requests).toBe(2);
  expect(connection.state).toMatchObject(failed("unauthorized"));
});

test("a page is no stream, though its status is 200", async () => {
  const { connection, server } = await endure((_req, res) => {
    res.writeHead(200, { "content-type": "text/html" }).end("<h1>Sign in</h1>");
  });
  expect(server.requests).toBe(1);
  expect(connection.state).toMatchObject(failed("content-type"));
});
