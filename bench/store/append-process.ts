/** The process that appends events to the store directly, without a registry. */
import type { Store } from "@holdfast/core";
import { microseconds } from "../harness/clock.ts";
import { token } from "../harness/payload.ts";
import { processUsage } from "../harness/process-usage.ts";
import { repeat } from "../harness/repeat.ts";
import { expose } from "../harness/rpc.ts";
import { EPOCH, LIFETIMES, type Place, storeOf } from "./stores.ts";

interface OpenStream {
  readonly id: string;
  fence: number;
  /** Sequence number of the last event. */
  last: number;
  /** Settles when all its appends have ended: a store takes the appends to one stream one after another. */
  appended: Promise<void>;
}

let store: Store;
let streams: OpenStream[] = [];
/** A prime that does not divide the number of streams, so that consecutive appends go to distant streams. */
const STRIDE = 7_919;

async function append(stream: OpenStream, count = 1): Promise<void> {
  const from = stream.last + 1;
  stream.last += count;
  const frames = Array.from({ length: count }, (_, index) =>
    Buffer.from(`id: ${EPOCH}.${from + index}\ndata: ${token()}\n\n`),
  );
  const { id, fence } = stream;
  const { code } = await store.append(id, { epoch: EPOCH, fence, from, frames, ...LIFETIMES });
  if (code !== "ok") throw new Error(`append: ${code}`);
}

const api = {
  usage: processUsage,

  async start(client: string, place: Place): Promise<void> {
    store = await storeOf(client).connect(place);
  },

  async open(count: number): Promise<void> {
    streams = [];
    // A few at a time: on a busy machine, the last of thousands would wait for longer than a call may take.
    const openNext = async (): Promise<void> => {
      for (let index = streams.length; index < count; index = streams.length) {
        const id = `stream-${index}`;
        const stream = { id, fence: 0, last: 0, appended: Promise.resolve() };
        streams.push(stream);
        const opened = await store.open(id, {
          kind: "stream",
          epoch: EPOCH,
          keep: 65_536,
          keepBytes: 8_388_608,
          ...LIFETIMES,
        });
        if (opened.role === "reader") throw new Error(`${id} already has a producer`);
        stream.fence = opened.fence;
      }
    };
    await Promise.all(Array.from({ length: 50 }, openNext));
  },

  /**
   * Appends to all streams in parallel, to each stream one batch after another, as fast as the store allows.
   * Returns the duration in microseconds.
   */
  async appendInParallel(eventsPerStream: number, batch: number): Promise<number> {
    const start = microseconds();
    await Promise.all(
      streams.map(async (stream) => {
        for (let event = 0; event < eventsPerStream; event += batch) await append(stream, batch);
      }),
    );
    return microseconds() - start;
  },

  /** Appends `events` events, `perMs` of them each millisecond (0.5 is one every two), and moves to another stream after each event. */
  async appendPaced(events: number, perMs: number): Promise<void> {
    const [perCall, intervalMs] = perMs < 1 ? [1, 1 / perMs] : [perMs, 1];
    let count = 0;
    await repeat(events / perCall, intervalMs, () => {
      for (let event = 0; event < perCall; event++) {
        const stream = streams[(count++ * STRIDE) % streams.length] as OpenStream;
        stream.appended = stream.appended.then(() => append(stream));
      }
    });
    await Promise.all(streams.map((stream) => stream.appended));
  },
};

export type AppendApi = typeof api;
expose(api);
