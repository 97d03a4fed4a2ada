import { expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventsOf, framesNamed, eventRanges } from "../../src/wire/frames.ts";
import { FeedReader } from "./feed-reader.ts";
import { startServerProcess } from "./server-process.ts";
import { BUFFER, dataOf, EMPTY, SIZE } from "./feed.ts";

// Tests core and the adapters: the memory that a stalled client costs.

const READERS = 99;
/** Events in a batch: half of the retention, so that a client that reads loses nothing. */
const BATCH = BUFFER / 2 / SIZE;
/** For everything else, such as sockets. A queue for the stalled client would exceed it. */
const MARGIN = 2 << 20;

test.each([
  { framework: "node-http", times: 50 },
  { framework: "hono", times: 15 },
] as const)(
  "$framework: a client that stalls while $times times the retention is pushed costs no more than a cursor",
  { timeout: 600_000 },
  async ({ framework, times }) => {
    const server = await startServerProcess(framework);
    const initial = await server.run("state");
    const readers = Array.from({ length: READERS }, () => new FeedReader(server.port));
    const stalled = sendHttp1(server.port, { path: "/feed" });
    await stalled.until("event: stream.live");
    stalled.pause();
    // A client that connects to a channel receives what is pushed from then on.
    await eventually(async () => expect(await server.run("state")).toMatchObject({ readers: READERS + 1 }));
    let last = await server.run("push", 1);
    for (const reader of readers) await reader.reach(last);

    const { bytes } = await server.run("memory");
    const growth: number[] = [];
    for (let batch = 1; batch <= 2 * times; batch++) {
      last = await server.run("push", BATCH);
      await Promise.all(readers.map((reader) => reader.reach(last)));
      if (batch % 10 === 0) growth.push((await server.run("memory")).bytes - bytes);
    }
    expect(Math.max(...growth)).toBeLessThan(BUFFER + MARGIN);
    expect(await server.run("state")).toMatchObject({ connections: READERS + 1, readers: READERS + 1 });
    for (const reader of readers) {
      expect(reader).toMatchObject({ last, bytes: last * SIZE, wrong: [] });
      expect(reader.control).toEqual(["event: stream.open", "event: stream.live"]);
    }

    stalled.resume();
    await stalled.untilEndsWith(`${dataOf(last).slice(-100)}\n\n`);
    const oldest = (await server.run("oldest")) as number;
    const lastBefore = eventRanges(stalled.text)[0]?.to as number;
    expect(eventRanges(stalled.text)).toEqual([
      { from: 1, to: lastBefore, lost: false },
      { from: lastBefore + 1, to: oldest - 1, lost: true },
      { from: oldest, to: last, lost: false },
    ]);
    expect(framesNamed(stalled.text, "stream.reset").map(({ data = "" }) => JSON.parse(data))).toEqual([
      { reason: "trimmed", lost: [lastBefore + 1, oldest - 1] },
    ]);
    expect(eventsOf(stalled.text).every(({ data }) => data?.length === SIZE)).toBe(true);

    for (const client of [stalled, ...readers]) client.cut();
    const state = await server.untilDisconnected();
    expect(state).toEqual({ ...initial, bytes: state.bytes });
    expect(await server.run("close")).toEqual(EMPTY);
  },
);
