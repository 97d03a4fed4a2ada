import type { Snapshot } from "@holdfast/core";
import { expect, test } from "vitest";
import { controlData, eventNames, startService, userEvents } from "./service.ts";

/*
 * Scenario: the database says `running`, but this process has no stream: the job runs in another process, or did.
 * Covers registry/ and stream/ of core: the snapshot poller, the snapshot prefix and waiting clients.
 */

test("the database has the result after 40 s: it is replayed, with one warning and no error", async () => {
  let row: Snapshot<Record<string, unknown>> = { state: "running" };
  let snapshots = 0;
  const { clock, connect, warned, failed } = await startService(() => ({
    snapshot: () => {
      snapshots++;
      return row;
    },
  }));
  const clients = [await connect("job"), await connect("job")];
  for (const client of clients) await client.until("waiting");
  for (let second = 0; second < 40; second++) await clock.advance(1_000);
  for (const client of clients) expect(eventNames(client)).toEqual(["stream.open"]);
  // One poller for both, every 2 s or so.
  expect(snapshots).toBeGreaterThanOrEqual(40 / 2.4);
  expect(snapshots).toBeLessThanOrEqual(1 + 40 / 1.6);
  row = {
    state: "done",
    events: [
      { event: "token", data: "all" },
      { event: "done", data: "well" },
    ],
  };
  await clock.advance(2_400);
  for (const client of clients) {
    await client.finished();
    expect(eventNames(client)).toEqual([
      "stream.open",
      "stream.open",
      "token all",
      "done well",
      "stream.end",
    ]);
    expect(controlData(client, "open")).toMatchObject([
      { state: "waiting" },
      { state: "ended", first: 1, last: 2 },
    ]);
  }
  expect(warned).toMatchObject([{ id: "job" }]);
  expect(failed).toEqual([]);
});

test("the worker never comes back: the clients are drained, without an error", async () => {
  const { clock, connect, warned, closed } = await startService(() => ({
    snapshot: () => ({ state: "running" }),
  }));
  const client = await connect("job");
  await client.until("waiting");
  await clock.advance(119_999);
  expect(client.state).toBe("open");
  await clock.advance(1);
  await client.finished();
  expect(eventNames(client)).toEqual(["stream.open", "stream.drain"]);
  expect(closed).toMatchObject([{ reason: "waiting" }]);
  expect(warned).toHaveLength(1);
});

test("the job has failed: the clients receive its events and the status", async () => {
  const { connect } = await startService(() => ({
    snapshot: () => ({
      state: "failed",
      events: [
        { event: "token", data: "some" },
        { event: "sorry", data: "no" },
      ],
    }),
  }));
  const client = await connect("job");
  await client.finished();
  expect(userEvents(client)).toEqual(["token some", "sorry no"]);
  expect(controlData(client, "end")).toEqual([{ status: "failed" }]);
});

test("the stream is here without its beginning: the database has the beginning, and the stream continues live", async () => {
  let at = "";
  const { registry, clock, connect } = await startService(() => ({
    buffer: { events: 4 },
    snapshot: () => ({ state: "running", at, events: [{ event: "progress", data: "8 of 12" }] }),
  }));
  const job = await registry.open("job");
  for (let n = 1; n <= 10; n++) {
    const id = job.push({ event: "step", data: n }) as string;
    if (n === 8) at = id;
  }
  const client = await connect("job");
  await client.until("stream.live");
  job.push({ event: "step", data: 11 });
  await client.until("data: 11");
  client.cut();
  const back = await connect("job", `${job.epoch}.11`);
  await job.end({ event: "step", data: 12 });
  await back.finished();
  expect([userEvents(client), userEvents(back)]).toEqual([
    ["progress 8 of 12", "step 9", "step 10", "step 11"],
    ["step 12"],
  ]);
  await clock.advance(2_000);
});
