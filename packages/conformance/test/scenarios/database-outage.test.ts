import { poll } from "@holdfast/core";
import { expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { controlData, eventNames, startService, type Service, userEvents } from "./service.ts";

/*
 * Scenario: each stream polls a database as long as it has clients. Covers sources/poll, and in registry/ and stream/ of core
 * the life of sourced streams.
 */

interface Table extends Service {
  /** The rows of the only job; `undefined` when it is deleted. */
  rows: string[] | undefined;
  down: boolean;
  /** When each query ran, by the clock. */
  readonly queries: number[];
}

async function startTable(): Promise<Table> {
  const table: Pick<Table, "rows" | "down" | "queries"> = { rows: [], down: false, queries: [] };
  const service = await startService((clock) => ({
    linger: 5_000,
    source: (_id, { signal }) =>
      poll({
        signal,
        clock,
        random: () => 0.999,
        cursor: 0,
        read: async (cursor) => {
          table.queries.push(clock.now());
          if (table.down) throw new Error("connect ECONNREFUSED 10.0.0.7:5432");
          if (table.rows === undefined) return null;
          const events = table.rows.slice(cursor).map((data) => ({ event: "row", data }));
          return { events, cursor: table.rows.length };
        },
      }),
  }));
  return Object.assign(table, service);
}

test("the database throws for a minute: clients receive one retryable error, and then everything they missed, in order", async () => {
  const service = await startTable();
  const { clock, connect, queries, failed } = service;
  const client = await connect("job");
  service.rows?.push("1", "2");
  await clock.advance(600);
  await client.until("data: 2");

  service.down = true;
  const start = clock.now();
  const before = queries.length;
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    service.rows?.push(`${second + 3}`);
  }
  await client.until("stream.error");
  const other = await connect("job");
  await other.until("stream.error");
  service.down = false;
  await clock.advance(30_000);
  await client.until("data: 62\n");
  await other.until("data: 62\n");

  for (const each of [client, other]) {
    expect(userEvents(each)).toEqual(Array.from({ length: 62 }, (_, n) => `row ${n + 1}`));
    expect(controlData(each, "error")).toEqual([
      {
        code: "SOURCE_FAILED",
        message: "The source does not answer; trying again.",
        retryable: true,
        retryAfter: 999,
      },
    ]);
    expect(each.text).toContain("event: stream.error\nretry: 999\n");
    expect(each.text).not.toContain("ECONNREFUSED");
  }
  // The delays grow to their limit, and start again after the outage. There are no other queries.
  const delays = queries.slice(before).map((at, index, all) => at - (all[index - 1] ?? start));
  expect(delays.slice(1, 7)).toEqual([999, 1_998, 3_996, 7_992, 15_984, 29_970]);
  expect(new Set(delays.slice(7))).toEqual(new Set([500]));
  // The observer receives the error that clients must not see.
  expect(failed).toMatchObject([{ id: "job", stage: "source" }]);
  expect(String(failed[0]?.error)).toContain("ECONNREFUSED");
});

test("more clients of one job share its polling, which ends with the last of them", async () => {
  const service = await startTable();
  const { clock, connect, queries, registry } = service;
  const clients = [await connect("job"), await connect("job"), await connect("job")];
  await clock.advance(10_000);
  expect(queries).toHaveLength(21);
  for (const client of clients) await client.until("stream.live");
  for (const client of clients) client.cut();
  await eventually(() => expect(registry.gauges().connections).toBe(0));
  await clock.advance(5_000);
  const { length } = queries;
  await clock.advance(60_000);
  expect([queries.length, registry.size, clock.timers]).toEqual([length, 0, 0]);
});

test("the row is deleted: the clients receive `GONE`, and the polling ends", async () => {
  const service = await startTable();
  const { clock, connect, queries, failed, registry } = service;
  const clients = [await connect("job"), await connect("job")];
  service.rows?.push("1");
  await clock.advance(600);
  service.rows = undefined;
  await clock.advance(600);
  for (const client of clients) {
    expect(await client.finished()).toBe("ended");
    expect(eventNames(client)).toEqual(["stream.open", "stream.live", "row 1", "stream.error", "stream.end"]);
    expect(controlData(client, "error")).toEqual([
      { code: "GONE", message: "It does not exist any more.", retryable: false },
    ]);
    expect(controlData(client, "end")).toEqual([{ status: "failed" }]);
  }
  expect(failed).toMatchObject([{ id: "job", stage: "source", error: { code: "GONE" } }]);
  const { length } = queries;
  await clock.advance(60_000);
  expect([queries.length, registry.size, clock.timers]).toEqual([length, 0, 0]);
});
