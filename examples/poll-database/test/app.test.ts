import { expect, test } from "vitest";
import { follow, followToEnd, applicationEvents, type Received } from "../../common/test/follow.ts";
import { until } from "../../common/test/until.ts";
import { work } from "../worker.ts";
import { BlockedReads } from "./blocked-reads.ts";
import { doneJob, finish, openTable, tempDatabase, write } from "./open-table.ts";
import { type ServedApp, serveApp } from "./serve-app.ts";

const streamOf = ({ url }: ServedApp, id: string): string => `${url}/jobs/${id}/stream`;
const names = (received: readonly Received[]): string[] => received.map(({ event }) => event);
const slices = (received: readonly Received[]): number[] =>
  applicationEvents(received).map(({ data }) => data.slice ?? "done");

/** Starts a reader. `received` grows while it reads. */
function startReading(url: string): { readonly received: Received[]; readonly over: Promise<void> } {
  const received: Received[] = [];
  const read = async (): Promise<void> => {
    for await (const one of follow(url)) received.push(one);
  };
  return { received, over: read() };
}

test("a reader follows a job from its row to its end", async () => {
  const table = openTable();
  const app = await serveApp(table);
  const created = await fetch(`${app.url}/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ slices: 2 }),
  });
  expect(created.status).toBe(201);
  const { id, stream } = (await created.json()) as { id: string; stream: string };
  const reader = startReading(app.url + stream);
  await until(() => names(reader.received).includes("stream.live"));
  expect(table.find(id, 0)?.state).toBe("pending");

  const workers = new AbortController();
  void work(table, { signal: workers.signal, pause: 0 });
  await reader.over;
  workers.abort();
  expect(names(reader.received)).toEqual([
    "stream.open",
    "stream.live",
    "slice",
    "slice",
    "done",
    "stream.end",
  ]);
  expect(applicationEvents(reader.received).at(-1)?.data).toEqual({ primes: 9592 });
  expect(reader.received.at(-1)?.data).toEqual({ status: "done" });
  expect(app.reads.loops).toBe(0);
});

test("all readers of a job share one polling loop, which stops when the last one disconnects", async () => {
  const table = openTable();
  table.add("a", 100);
  const app = await serveApp(table);
  const readers = [1, 2, 3].map(() => follow(streamOf(app, "a")));
  await Promise.all(readers.map((reader) => reader.next()));
  expect(app.reads.loops).toBe(1);

  await Promise.all(readers.slice(1).map((reader) => reader.return(undefined)));
  await until(() => app.jobs.gauges().connections === 1);
  expect(app.reads.loops).toBe(1);
  await readers[0]?.return(undefined);
  await until(() => app.reads.loops === 0);
  expect(app.jobs.size).toBe(0);
});

test("an outage is reported once, and the missed events arrive in order", async () => {
  const table = openTable();
  table.add("a", 6);
  const app = await serveApp(table);
  const reader = startReading(streamOf(app, "a"));
  write(table, "a", 1, 3);
  await until(() => slices(reader.received).length === 3);

  app.reads.down = true;
  await until(() => app.reads.failed >= 3);
  write(table, "a", 4, 6);
  finish(table, "a", 7);
  const late = startReading(streamOf(app, "a"));
  await until(() => names(late.received).includes("stream.error"));
  expect(app.reads.loops).toBe(1);
  app.reads.down = false;
  await Promise.all([reader.over, late.over]);

  const error = {
    code: "SOURCE_FAILED",
    message: "The source does not answer; trying again.",
    retryable: true,
  };
  for (const { received } of [reader, late]) {
    expect(slices(received)).toEqual([1, 2, 3, 4, 5, 6, "done"]);
    const errors = received.filter(({ event }) => event === "stream.error");
    expect(errors.map(({ data }) => data)).toEqual([{ ...error, retryAfter: expect.any(Number) }]);
    expect(names(received).indexOf("stream.error")).toBeLessThan(names(received).lastIndexOf("slice"));
    expect(received.at(-1)).toMatchObject({ event: "stream.end", data: { status: "done" } });
  }
  expect(app.reads.loops).toBe(0);
});

test("a client that connects while the database is down waits, gets the error, and is served after the outage", async () => {
  const table = openTable();
  doneJob(table, "a", 2);
  const app = await serveApp(table);
  app.reads.down = true;
  const reader = startReading(streamOf(app, "a"));
  await until(() => app.reads.failed >= 2);
  app.reads.down = false;
  await reader.over;
  expect(names(reader.received)).toEqual([
    "stream.open",
    "stream.error",
    "stream.open",
    "slice",
    "slice",
    "done",
    "stream.end",
  ]);
  expect(reader.received[0]?.data).toMatchObject({ state: "waiting" });
  expect(reader.received[1]?.data).toMatchObject({ code: "SNAPSHOT_FAILED", retryable: true });
});

test("deleting the row ends the stream as failed and stops the loop", async () => {
  const table = openTable();
  table.add("a", 100);
  const app = await serveApp(table);
  const readers = [startReading(streamOf(app, "a")), startReading(streamOf(app, "a"))];
  write(table, "a", 1, 2);
  for (const { received } of readers) await until(() => slices(received).length === 2);

  expect((await fetch(`${app.url}/jobs/a`, { method: "DELETE" })).status).toBe(204);
  for (const { received, over } of readers) {
    await over;
    expect(received.slice(-2)).toMatchObject([
      { event: "stream.error", data: { code: "GONE", retryable: false } },
      { event: "stream.end", data: { status: "failed" } },
    ]);
  }
  expect(app.reads.loops).toBe(0);
  expect((await fetch(`${app.url}/jobs/a`, { method: "DELETE" })).status).toBe(404);
});

test("slow reads run one at a time, and a read is aborted when its last reader disconnects", async () => {
  const table = openTable();
  table.add("a", 2);
  const blocked = new BlockedReads();
  const app = await serveApp(table, { delay: blocked.block });
  const reader = startReading(streamOf(app, "a"));
  await until(() => app.reads.loops === 1);

  app.reads.slow = true;
  await until(() => blocked.count === 1);
  const { made } = app.reads;
  write(table, "a", 1, 2);
  finish(table, "a", 3);
  const second = follow(streamOf(app, "a"));
  await second.next();
  expect([blocked.count, app.reads.made]).toEqual([1, made]);
  blocked.release();
  await reader.over;
  expect(slices(reader.received)).toEqual([1, 2, "done"]);

  table.add("b", 1);
  app.reads.slow = false;
  const disconnecting = follow(streamOf(app, "b"));
  await disconnecting.next();
  app.reads.slow = true;
  await until(() => blocked.count === 1);
  await disconnecting.return(undefined);
  await until(() => blocked.count === 0);
  await until(() => app.reads.loops === 0);
});

test("an ended job is served from the table, with the same ids on every server", async () => {
  const path = tempDatabase();
  const [one, other] = [await serveApp(openTable(path)), await serveApp(openTable(path))];
  doneJob(openTable(path), "a", 5);

  const whole = await followToEnd(streamOf(one, "a"));
  expect(slices(whole)).toEqual([1, 2, 3, 4, 5, "done"]);
  const cut = applicationEvents(whole)[2]?.id;
  const rest = await followToEnd(streamOf(other, "a"), cut);
  expect(applicationEvents(rest)).toEqual(applicationEvents(whole).slice(3));
  expect(names(rest)).not.toContain("stream.reset");
  expect(rest.at(-1)).toEqual(whole.at(-1));

  const headers = { "last-event-id": whole.at(-1)?.id as string };
  expect((await fetch(streamOf(other, "a"), { headers })).status).toBe(204);
  expect([one.reads.loops, other.reads.loops]).toEqual([0, 0]);
});

test("a cursor of an earlier epoch gets a reset and all events", async () => {
  const table = openTable();
  table.add("a", 5);
  const app = await serveApp(table);
  write(table, "a", 1, 3);
  const reader = follow(streamOf(app, "a"));
  let cursor: string | undefined;
  for await (const { id, data } of reader) {
    cursor = id;
    if (data.slice === 3) break;
  }
  write(table, "a", 4, 5);
  finish(table, "a", 6);
  await until(() => app.jobs.size === 0);

  const received = await followToEnd(streamOf(app, "a"), cursor);
  expect(received[1]).toMatchObject({ event: "stream.reset", data: { reason: "epoch", lost: null } });
  expect(slices(received)).toEqual([1, 2, 3, 4, 5, "done"]);
});

test("without a row there is no stream", async () => {
  const app = await serveApp(openTable());
  expect((await fetch(streamOf(app, "nobody"))).status).toBe(404);
  expect(app.reads.loops).toBe(0);
});

test("the stats show the reads, the readers and the row", async () => {
  const table = openTable();
  table.add("a", 100);
  write(table, "a", 1, 2);
  const app = await serveApp(table);
  const readers = [follow(streamOf(app, "a")), follow(streamOf(app, "a"))];
  await Promise.all(readers.map((reader) => reader.next()));
  const stats = await (await fetch(`${app.url}/jobs/a/stats`)).json();
  expect(stats).toMatchObject({
    faults: { down: false, slow: false },
    polling: { loops: 1, failed: 0 },
    row: { state: "running", events: 2 },
    gauges: { connections: 2, streams: 1 },
    counters: { connections: { opened: 2 } },
  });
  await Promise.all(readers.map((reader) => reader.return(undefined)));
});

test("faults can be switched on and off", async () => {
  const app = await serveApp(openTable());
  const put = async (body: string): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    return (await fetch(`${app.url}/faults`, { method: "PUT", headers, body })).json();
  };
  expect(await put(`{"down":true}`)).toEqual({ down: true, slow: false });
  expect(await put(`{"slow":true}`)).toEqual({ down: true, slow: true });
  expect(await put(`{"down":false}`)).toEqual({ down: false, slow: true });
  expect(await put(`{`)).toEqual({ error: expect.stringMatching(/JSON/) });
});

test.each(["0", "1.5", "1001", `"9"`, "null"])("a job of %s slices is rejected", async (slicesAsked) => {
  const app = await serveApp(openTable());
  const response = await fetch(`${app.url}/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"slices":${slicesAsked}}`,
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    error: `"slices" must be an integer from 1 to 1000, not ${slicesAsked}`,
  });
});
