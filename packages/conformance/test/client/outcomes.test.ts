import { connect, ConnectionError, type ConnectionState } from "@holdfast/client";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { turns } from "../support/turns.ts";
import { closedServerUrl, startScriptedServer } from "./scripted-server.ts";
import { type Server, SERVERS } from "./servers.ts";

// Covers packages/client/src over real HTTP: its state after each kind of response.

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
