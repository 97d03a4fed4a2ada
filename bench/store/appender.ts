/** The process that appends to streams of the store, without a registry. */
import type { Store } from "@holdfast/core";
import { microseconds } from "../harness/clock.ts";
import { pace } from "../harness/pace.ts";
import { token } from "../harness/payload.ts";
import { expose } from "../harness/remote.ts";
import { usage } from "../harness/usage.ts";
import { EPOCH, KEPT, stores } from "./clients.ts";

interface Line {
  readonly id: string;
  readonly fence: number;
  last: number;
}

let store: Store;
let lines: Line[] = [];
/** No divisor of the number of streams, so that neighbours are not appended to in turn. */
const STRIDE = 7_919;

async function append(line: Line): Promise<void> {
  const from = ++line.last;
  const frames = [Buffer.from(`id: ${EPOCH}.${from}\ndata: ${token()}\n\n`)];
  const { id, fence } = line;
  const { code } = await store.append(id, { epoch: EPOCH, fence, from, frames, ...KEPT });
  if (code !== "ok") throw new Error(`append: ${code}`);
}

const api = {
  usage,

  async start(client: string, port: number): Promise<void> {
    store = (await stores[client]?.(port)) as Store;
  },

  async open(streams: number): Promise<void> {
    lines = await Promise.all(
      Array.from({ length: streams }, async (_, index) => {
        const id = `stream-${index}`;
        const opened = await store.open(id, { kind: "stream", epoch: EPOCH, keep: 10_000, ...KEPT });
        if (opened.role === "reader") throw new Error(`${id} is somebody else's`);
        return { id, fence: opened.fence, last: 0 };
      }),
    );
  },

  /** Appends as fast as it goes, one event after the other to each stream. Returns how long it took, in us. */
  async race(times: number): Promise<number> {
    const begun = microseconds();
    await Promise.all(
      lines.map(async (line) => {
        for (let time = 0; time < times; time++) await append(line);
      }),
    );
    return microseconds() - begun;
  },

  /** Appends so many events, some each ms, to one stream after the other. */
  async walk(events: number, atOnce: number): Promise<void> {
    const all: Promise<void>[] = [];
    await pace(events / atOnce, 1, () => {
      for (let time = 0; time < atOnce; time++)
        all.push(append(lines[(all.length * STRIDE) % lines.length] as Line));
    });
    await Promise.all(all);
  },
};

export type AppenderApi = typeof api;
expose(api);
