/** The process that follows streams of the store, as a registry does for its readers. */
import type { Store } from "@holdfast/core";
import { expose } from "../harness/rpc.ts";
import { EPOCH, type Place, storeOf } from "./stores.ts";

const PAGE = { frames: 256, bytes: 65_536 };

let store: Store;
let events = 0;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;

interface Position {
  seq: number;
  reading: boolean;
  readAgain: boolean;
}

const positions = new Map<string, Position>();

async function readNewFrames(id: string, position: Position): Promise<void> {
  position.readAgain = true;
  if (position.reading) return;
  position.reading = true;
  while (position.readAgain) {
    position.readAgain = false;
    const page = await store.read(id, { epoch: EPOCH, seq: position.seq }, PAGE);
    if (page.code !== "ok") throw new Error(`read: ${page.code}`);
    position.seq += page.frames.length;
    events += page.frames.length;
    if (position.seq < page.meta.last) position.readAgain = true;
  }
  position.reading = false;
  if (waiting !== undefined && events >= waiting.count) waiting.resolve();
}

async function readAll(all: Iterator<[string, Position]>): Promise<void> {
  for (let next = all.next(); !next.done; next = all.next()) await readNewFrames(...next.value);
}

const api = {
  async start(client: string, place: Place): Promise<void> {
    store = await storeOf(client).connect(place);
  },

  /** Resolves when the subscription to the store's wake-ups is active. */
  async follow(streams: number): Promise<void> {
    for (let index = 0; index < streams; index++)
      positions.set(`stream-${index}`, { seq: 0, reading: false, readAgain: false });
    await new Promise<void>((resolve) => {
      store.wake(positions.keys(), (id, why) => {
        if (id === undefined) resolve();
        if (why === "cancel") return;
        if (id !== undefined) void readNewFrames(id, positions.get(id) as Position);
        // A few at a time, as in the process that appends.
        else {
          const all = positions.entries();
          for (let reader = 0; reader < 50; reader++) void readAll(all);
        }
      });
    });
  },

  /** Resolves when `count` events have been read, counted from the start. */
  async receive(count: number): Promise<void> {
    if (events >= count) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`received ${events} of ${count} events`)), 30_000);
    waiting = { count, resolve };
    await promise.finally(() => clearTimeout(timer));
  },
};

export type FollowApi = typeof api;
expose(api);
