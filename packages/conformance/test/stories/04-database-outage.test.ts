import { poll } from "@holdfast/core";
import { expect, test } from "vitest";
import { control, heardBy, stage, type Stage, toldTo } from "./stage.ts";

/*
 * Each stream is a query that is repeated for as long as somebody listens.
 */

interface Scene extends Stage {
  /** The rows of the one job there is; `undefined` once it was deleted. */
  rows: string[] | undefined;
  down: boolean;
  /** When the database was asked, by the clock. */
  readonly asked: number[];
}

async function scene(): Promise<Scene> {
  const table: Pick<Scene, "rows" | "down" | "asked"> = { rows: [], down: false, asked: [] };
  const place = await stage((clock) => ({
    linger: 5_000,
    source: (_id, { signal }) =>
      poll({
        signal,
        clock,
        random: () => 0.999,
        cursor: 0,
        read: async (cursor) => {
          table.asked.push(clock.now());
          if (table.down) throw new Error("connect ECONNREFUSED 10.0.0.7:5432");
          if (table.rows === undefined) return null;
          const events = table.rows.slice(cursor).map((data) => ({ event: "row", data }));
          return { events, cursor: table.rows.length };
        },
      }),
  }));
  return Object.assign(table, place);
}

test("the database throws for a minute: one error with guidance, then everything missed, in order", async () => {
  const story = await scene();
  const { clock, come, asked, failed } = story;
  const client = await come("job");
  story.rows?.push("1", "2");
  await clock.advance(600);
  await client.until("data: 2");

  story.down = true;
  const since = clock.now();
  const before = asked.length;
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    story.rows?.push(`${second + 3}`);
  }
  await client.until("stream.error");
  const other = await come("job");
  await other.until("stream.error");
  story.down = false;
  await clock.advance(30_000);
  await client.until("data: 62\n");
  await other.until("data: 62\n");

  for (const each of [client, other]) {
    expect(toldTo(each)).toEqual(Array.from({ length: 62 }, (_, n) => `row ${n + 1}`));
    expect(control(each, "error")).toEqual([
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
  // The delays grow to the cap, and begin anew when it is over; nobody else asked meanwhile.
  const delays = asked.slice(before).map((at, index, all) => at - (all[index - 1] ?? since));
  expect(delays.slice(1, 7)).toEqual([999, 1_998, 3_996, 7_992, 15_984, 29_970]);
  expect(new Set(delays.slice(7))).toEqual(new Set([500]));
  // What the clients need not know is for the observer.
  expect(failed).toMatchObject([{ id: "job", stage: "source" }]);
  expect(String(failed[0]?.error)).toContain("ECONNREFUSED");
});

test("another client on the same job makes no second loop, and the last one who leaves ends it", async () => {
  const story = await scene();
  const { clock, come, asked, registry } = story;
  const clients = [await come("job"), await come("job"), await come("job")];
  await clock.advance(10_000);
  expect(asked).toHaveLength(21);
  for (const client of clients) await client.until("stream.live");
  for (const client of clients) client.cut();
  await expect.poll(() => registry.gauges().connections).toBe(0);
  await clock.advance(5_000);
  const { length } = asked;
  await clock.advance(60_000);
  expect([asked.length, registry.size, clock.timers]).toEqual([length, 0, 0]);
});

test("the row is deleted mid-stream: the clients are told, and no loop is left", async () => {
  const story = await scene();
  const { clock, come, asked, failed, registry } = story;
  const clients = [await come("job"), await come("job")];
  story.rows?.push("1");
  await clock.advance(600);
  story.rows = undefined;
  await clock.advance(600);
  for (const client of clients) {
    expect(await client.over()).toBe("ended");
    expect(heardBy(client)).toEqual(["stream.open", "stream.live", "row 1", "stream.error", "stream.end"]);
    expect(control(client, "error")).toEqual([
      { code: "GONE", message: "It does not exist any more.", retryable: false },
    ]);
    expect(control(client, "end")).toEqual([{ status: "failed" }]);
  }
  expect(failed).toMatchObject([{ id: "job", stage: "source", error: { code: "GONE" } }]);
  const { length } = asked;
  await clock.advance(60_000);
  expect([asked.length, registry.size, clock.timers]).toEqual([length, 0, 0]);
});
