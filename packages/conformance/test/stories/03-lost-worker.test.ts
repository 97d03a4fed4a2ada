import type { Snapshot } from "@holdfast/core";
import { expect, test } from "vitest";
import { control, heardBy, stage, toldTo } from "./stage.ts";

/*
 * The job runs in another process, or did: the database says `running`, and there is no stream here.
 */

test("the database has the result 40 s later: it is replayed, with one warning and no error", async () => {
  let row: Snapshot<Record<string, unknown>> = { state: "running" };
  let asked = 0;
  const { clock, come, warned, failed } = await stage(() => ({
    snapshot: () => {
      asked++;
      return row;
    },
  }));
  const clients = [await come("job"), await come("job")];
  for (const client of clients) await client.until("waiting");
  for (let second = 0; second < 40; second++) await clock.advance(1_000);
  for (const client of clients) expect(heardBy(client)).toEqual(["stream.open"]);
  // One poller for both, every 2 s or so.
  expect(asked).toBeGreaterThanOrEqual(40 / 2.4);
  expect(asked).toBeLessThanOrEqual(1 + 40 / 1.6);
  row = {
    state: "done",
    events: [
      { event: "token", data: "all" },
      { event: "done", data: "well" },
    ],
  };
  await clock.advance(2_400);
  for (const client of clients) {
    await client.over();
    expect(heardBy(client)).toEqual(["stream.open", "stream.open", "token all", "done well", "stream.end"]);
    expect(control(client, "open")).toMatchObject([
      { state: "waiting" },
      { state: "ended", first: 1, last: 2 },
    ]);
  }
  expect(warned).toMatchObject([{ id: "job" }]);
  expect(failed).toEqual([]);
});

test("its worker never comes back: the clients are asked to, and hear of no error", async () => {
  const { clock, come, warned, closed } = await stage(() => ({ snapshot: () => ({ state: "running" }) }));
  const client = await come("job");
  await client.until("waiting");
  await clock.advance(119_999);
  expect(client.state).toBe("open");
  await clock.advance(1);
  await client.over();
  expect(heardBy(client)).toEqual(["stream.open", "stream.drain"]);
  expect(closed).toMatchObject([{ reason: "waiting" }]);
  expect(warned).toHaveLength(1);
});

test("it failed there: the clients are told how, by its own events", async () => {
  const { come } = await stage(() => ({
    snapshot: () => ({
      state: "failed",
      events: [
        { event: "token", data: "some" },
        { event: "sorry", data: "no" },
      ],
    }),
  }));
  const client = await come("job");
  await client.over();
  expect(toldTo(client)).toEqual(["token some", "sorry no"]);
  expect(control(client, "end")).toEqual([{ status: "failed" }]);
});

test("the stream is here, but not the beginning of it: what it was is told by the database, and goes on live", async () => {
  let at = "";
  const { registry, clock, come } = await stage(() => ({
    buffer: { events: 4 },
    snapshot: () => ({ state: "running", at, events: [{ event: "progress", data: "8 of 12" }] }),
  }));
  const job = await registry.open("job");
  for (let n = 1; n <= 10; n++) {
    const id = job.push({ event: "step", data: n });
    if (n === 8) at = id;
  }
  const client = await come("job");
  await client.until("stream.live");
  job.push({ event: "step", data: 11 });
  await client.until("data: 11");
  client.cut();
  const back = await come("job", `${job.epoch}.11`);
  await job.end({ event: "step", data: 12 });
  await back.over();
  expect([toldTo(client), toldTo(back)]).toEqual([
    ["progress 8 of 12", "step 9", "step 10", "step 11"],
    ["step 12"],
  ]);
  await clock.advance(2_000);
});
