import { connect, type Connection, type TextMessage } from "@holdfast/client";
import { createFakeClock } from "@holdfast/core/testing";
import type { RequestListener } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { advanceInSeconds } from "./advance-time.ts";
import { beginStream, startScriptedServer, writeForever, type ScriptedServer } from "./scripted-server.ts";

// Covers packages/client/src over real HTTP: its limits, and when it gives up.

const SECOND = 1_000;
const MEGABYTE = 1 << 20;
const random = (): number => 0.5;
/** With this `random`, the back-off makes 25 attempts in five minutes. */
const ATTEMPTS = 25;

interface Attempts {
  readonly server: ScriptedServer;
  readonly connection: Connection<TextMessage>;
  /** Between its attempts, in seconds. */
  readonly delays: number[];
}

/** Connects a client to such a server, until the client gives up or six minutes have passed. */
async function connectTo(answer: RequestListener, isDone?: () => boolean): Promise<Attempts> {
  const server = await startScriptedServer(answer);
  const clock = createFakeClock();
  const connection = connect(server.url, { clock, random });
  onTestFinished(connection.close);
  // The error is in its state too.
  Array.fromAsync(connection).catch(() => undefined);
  const delays: number[] = [];
  connection.subscribe((state) => {
    if (state.status === "retrying") delays.push(state.delay / SECOND);
  });
  await advanceInSeconds(clock, 360 * SECOND, connection, isDone);
  return { server, connection, delays };
}

const failed = (reason: string): object => ({ status: "closed", reason: "failed", error: { reason } });

test("a `retry:` of three thousand years is limited to two minutes", async () => {
  const { connection, delays, server } = await connectTo((_req, res) => {
    beginStream(res).end("retry: 99999999999\n\n");
  });
  // The last delay is the rest of the five minutes.
  expect(delays).toEqual([132, 132, 36]);
  expect(server.requests).toBe(4);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("a server that accepts and closes is tried less and less often, and given up after five minutes", async () => {
  const { connection, delays, server } = await connectTo((_req, res) => {
    beginStream(res).end();
  });
  expect(delays.slice(0, 7)).toEqual([0.5, 1, 2, 4, 8, 15, 15]);
  expect(server.requests).toBe(ATTEMPTS);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("a redirect loop is a lost connection; each attempt follows as many redirects as `fetch` allows", async () => {
  const { connection, server } = await connectTo((_req, res) => {
    res.writeHead(302, { location: "/stream" }).end();
  });
  expect(server.requests).toBe(ATTEMPTS * 21);
  expect(connection.state).toMatchObject(failed("gave-up"));
});

test("comments keep a connection open, and are nothing else", async () => {
  let written = 0;
  let lastWritten = 0;
  const { connection, server } = await connectTo(
    (_req, res) => {
      beginStream(res);
      const timer = setInterval(() => {
        res.write(":\n\n".repeat(1_000));
        written++;
      }, 1);
      res.on("close", () => clearInterval(timer));
    },
    () => {
      if (written === lastWritten) return false;
      lastWritten = written;
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
  const { connection, server } = await connectTo((_req, res) => {
    beginStream(res).write(start);
    writeForever(res, text);
  });
  expect(connection.state).toMatchObject(failed("too-large"));
  expect(server.requests).toBe(1);
  // Most of these bytes were in transit.
  expect(server.written).toBeLessThan(16 * MEGABYTE);
});

test("a client that is not authorised asks once more, with what may be a new token, and not a third time", async () => {
  const { connection, server } = await connectTo((_req, res) => {
    res.writeHead(401).end();
  });
  expect(server.requests).toBe(2);
  expect(connection.state).toMatchObject(failed("unauthorized"));
});

test("a page is not a stream, although its status is 200", async () => {
  const { connection, server } = await connectTo((_req, res) => {
    res.writeHead(200, { "content-type": "text/html" }).end("<h1>Sign in</h1>");
  });
  expect(server.requests).toBe(1);
  expect(connection.state).toMatchObject(failed("content-type"));
});
