import {
  connect,
  ConnectionError,
  type ConnectionState,
  ResilientEventSource,
  type ResilientEventSourceInit,
} from "@holdfast/client";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import type { RequestListener } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { turns } from "../support/turns.ts";
import { beginStream, closedServerUrl, startScriptedServer, writeForever } from "./scripted-server.ts";

// Covers packages/client/src over real HTTP: its state after each kind of response.

interface Server {
  readonly does: string;
  /** Omitted for a server that has closed. */
  readonly answer?: RequestListener;
  /** The state in which its client waits, and for how many ms. */
  readonly waits?: readonly [status: ConnectionState["status"], ms: number];
}

const status = (code: number, headers: Record<string, string> = {}): Server => ({
  does: [code, ...Object.entries(headers).map((header) => header.join(": "))].join(", "),
  answer: (_req, res) => void res.writeHead(code, headers).end(),
});

const SERVERS: readonly Server[] = [
  { does: "refuses the connection" },
  {
    does: "breaks off",
    answer: (_req, res) => void beginStream(res).write("data: half", () => res.destroy()),
  },
  { does: "ends in order", answer: (_req, res) => void beginStream(res).end("data: all of it\n\n") },
  {
    does: "ends in order, retry: 0",
    answer: (_req, res) => void beginStream(res).end("retry: 0\ndata: all of it\n\n"),
  },
  {
    does: "drains at once, retry: 0",
    answer: (_req, res) =>
      void beginStream(res).end('event: stream.drain\nretry: 0\ndata: {"reason":"busy"}\n\n'),
  },
  status(204),
  status(401),
  status(403),
  status(404),
  status(408),
  status(425),
  status(429, { "retry-after": "30" }),
  status(500),
  status(503),
  {
    does: "301 to a good stream",
    answer({ url }, res) {
      if (url !== "/good") res.writeHead(301, { location: "/good" }).end();
      else beginStream(res).end("id: 0123456789.1\ndata: well\n\nid: 0123456789.2.end\n\n");
    },
  },
  status(200, { "content-type": "text/html" }),
  { does: "an endless line", answer: (_req, res) => writeForever(beginStream(res), "a".repeat(1_000)) },
  { does: "silence", answer: (_req, res) => void beginStream(res), waits: ["open", 45_000] },
  { does: "no answer", answer: () => undefined, waits: ["connecting", 30_000] },
];

type Row = readonly [server: string, requests: number, client: string];

test("what a server does, and how its client reacts", async () => {
  const rows = await Promise.all(SERVERS.map(rowOf));
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const lines = rows.map((row) => row.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)));
  console.log(lines.map((cells) => cells.join("  ")).join("\n"));
  expect(rows).toEqual([
    ["refuses the connection", 0, "network, again in 500 ms"],
    ["breaks off", 1, "network, again in 500 ms"],
    ["ends in order", 1, "eof, again in 500 ms"],
    ["ends in order, retry: 0", 1, "eof, again in 500 ms"],
    ["drains at once, retry: 0", 1, "busy, again in 500 ms"],
    ["204", 1, "done"],
    ["401", 2, "failed: unauthorized"],
    ["403", 2, "failed: unauthorized"],
    ["404", 1, "failed: refused"],
    ["408", 1, "unavailable, again in 500 ms"],
    ["425", 1, "unavailable, again in 500 ms"],
    ["429, retry-after: 30", 1, "unavailable, again in 33000 ms"],
    ["500", 1, "unavailable, again in 500 ms"],
    ["503", 1, "unavailable, again in 500 ms"],
    ["301 to a good stream", 2, "done"],
    ["200, content-type: text/html", 1, "failed: content-type"],
    ["an endless line", 1, "failed: too-large"],
    ["silence", 1, "stalled, again in 500 ms"],
    ["no answer", 1, "stalled, again in 500 ms"],
  ] satisfies Row[]);
});

test("while an EventSource reconnects, the client makes at most twice as many requests in five seconds", async () => {
  // An EventSource reads an endless line until its memory is full.
  const servers = SERVERS.filter(({ answer, does }) => answer !== undefined && does !== "an endless line");
  const rows = await Promise.all(
    servers.map(async (server) => {
      const requests = [await requestsOf(server, "standard"), await requestsOf(server, undefined)] as const;
      return [server.does, ...requests] as const;
    }),
  );
  console.log(rows.map((cells) => cells.join("  ")).join("\n"));
  // An EventSource gives up after the first response that it refuses.
  const reconnecting = rows.filter(([, standard]) => standard > 1);
  expect(reconnecting.length).toBeGreaterThan(2);
  expect(reconnecting.filter(([, standard, ours]) => ours > 2 * standard)).toEqual([]);
});

/**
 * The requests in five seconds of a client whose jitter shortens each delay as much as it can. With the policy `standard`
 * it is an EventSource, which reconnects after three seconds.
 */
async function requestsOf(
  { answer, waits }: Server,
  policy: ResilientEventSourceInit["policy"],
): Promise<number> {
  const server = await startScriptedServer(answer ?? (() => undefined));
  const clock = createFakeClock();
  const init = { clock, random: () => 0, ...(policy !== undefined && { policy }) };
  const source = new ResilientEventSource(server.url, init);
  onTestFinished(() => source.close());
  const settled = ["closed", "retrying", waits?.[0]];
  for (let passed = 0; passed < 5_000; passed += 500) {
    await eventually(() => expect(settled).toContain(source.state.status));
    await clock.advance(500);
  }
  await eventually(() => expect(settled).toContain(source.state.status));
  return server.requests;
}

async function rowOf({ does, answer, waits }: Server): Promise<Row> {
  const server = answer && (await startScriptedServer(answer));
  const clock = createFakeClock();
  const connection = connect(server?.url ?? (await closedServerUrl()), { clock, random: () => 0.5 });
  onTestFinished(connection.close);
  // The error is in its state too.
  Array.fromAsync(connection).catch(() => undefined);
  if (waits !== undefined) {
    const [during, ms] = waits;
    await eventually(() => expect([server?.requests, connection.state.status]).toEqual([1, during]));
    await clock.advance(ms);
  }
  const outcome = await outcomeOf(connection, clock);
  return [does, server?.requests ?? 0, outcome];
}

/** The state of a client when it waits for time to pass. */
async function outcomeOf(connection: { readonly state: ConnectionState }, clock: FakeClock): Promise<string> {
  for (;;) {
    const { state } = connection;
    if (state.status === "retrying" && state.delay > 0) return `${state.reason}, again in ${state.delay} ms`;
    if (state.status === "closed") {
      const { error, reason } = state;
      return error instanceof ConnectionError ? `${reason}: ${error.reason}` : reason;
    }
    await turns(1);
    await clock.advance(0);
  }
}
