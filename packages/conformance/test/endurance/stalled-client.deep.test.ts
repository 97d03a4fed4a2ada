import { expect, test } from "vitest";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventsOf, named, stretchesOf } from "../../src/wire/frames.ts";
import { FeedReader } from "./feed-reader.ts";
import { startServer } from "./remote-server.ts";
import { BUFFER, dataOf, NOTHING, SIZE } from "./terms.ts";

const READERS = 99;
/** Half of what the log holds, so that nobody loses anything who reads. */
const BATCH = BUFFER / 2 / SIZE;
/** For everything else, such as sockets; a queue of what went by would be as large as that. */
const MARGIN = 2 << 20;

test.each([
  { framework: "node-http", times: 50 },
  { framework: "hono", times: 15 },
] as const)(
  "$framework: a client that stalls while $times times the log goes by costs a cursor",
  { timeout: 120_000 },
  async ({ framework, times }) => {
    const server = await startServer(framework);
    const atFirst = await server.ask("state");
    const readers = Array.from({ length: READERS }, () => new FeedReader(server.port));
    const stalled = sendHttp1(server.port, { path: "/feed" });
    await stalled.until("event: stream.live");
    stalled.pause();
    let last = await server.ask("push", 1);
    for (const reader of readers) await reader.reach(last);

    const { bytes } = await server.ask("census");
    const growth: number[] = [];
    for (let batch = 1; batch <= 2 * times; batch++) {
      last = await server.ask("push", BATCH);
      await Promise.all(readers.map((reader) => reader.reach(last)));
      if (batch % 10 === 0) growth.push((await server.ask("census")).bytes - bytes);
    }
    expect(Math.max(...growth)).toBeLessThan(BUFFER + MARGIN);
    expect(await server.ask("state")).toMatchObject({ connections: READERS + 1, readers: READERS + 1 });
    for (const reader of readers) {
      expect(reader).toMatchObject({ last, bytes: last * SIZE, wrong: [] });
      expect(reader.control).toEqual(["event: stream.open", "event: stream.live"]);
    }

    stalled.resume();
    await stalled.untilLast(`${dataOf(last).slice(-100)}\n\n`);
    const oldest = (await server.ask("oldest")) as number;
    const had = stretchesOf(stalled.text)[0]?.to as number;
    expect(stretchesOf(stalled.text)).toEqual([
      { from: 1, to: had, lost: false },
      { from: had + 1, to: oldest - 1, lost: true },
      { from: oldest, to: last, lost: false },
    ]);
    expect(named(stalled.text, "stream.reset").map(({ data = "" }) => JSON.parse(data))).toEqual([
      { reason: "trimmed", lost: [had + 1, oldest - 1] },
    ]);
    expect(eventsOf(stalled.text).every(({ data }) => data?.length === SIZE)).toBe(true);

    for (const client of [stalled, ...readers]) client.cut();
    const state = await server.deserted();
    expect(state).toEqual({ ...atFirst, bytes: state.bytes });
    expect(await server.ask("close")).toEqual(NOTHING);
  },
);
