/** The process that follows streams of the store, as the hub of a registry does. */
import type { Store } from "@holdfast/core";
import { expose } from "../harness/remote.ts";
import { EPOCH, stores } from "./clients.ts";

const PAGE = { frames: 256, bytes: 65_536 };

let store: Store;
let events = 0;
let awaited: { readonly count: number; readonly resolve: () => void } | undefined;

interface Place {
  seq: number;
  reading: boolean;
  again: boolean;
}

const places = new Map<string, Place>();

async function look(id: string, place: Place): Promise<void> {
  place.again = true;
  if (place.reading) return;
  place.reading = true;
  while (place.again) {
    place.again = false;
    const page = await store.read(id, { epoch: EPOCH, seq: place.seq }, PAGE);
    if (page.code !== "ok") throw new Error(`read: ${page.code}`);
    place.seq += page.frames.length;
    events += page.frames.length;
    if (place.seq < page.meta.last) place.again = true;
  }
  place.reading = false;
  if (awaited !== undefined && events >= awaited.count) awaited.resolve();
}

const api = {
  async start(client: string, port: number): Promise<void> {
    store = (await stores[client]?.(port)) as Store;
  },

  /** Resolves when the hints about all of them are heard. */
  async follow(streams: number): Promise<void> {
    for (let index = 0; index < streams; index++)
      places.set(`stream-${index}`, { seq: 0, reading: false, again: false });
    await new Promise<void>((resolve) => {
      store.wake(places.keys(), (id, why) => {
        if (id === undefined) resolve();
        if (why === "cancel") return;
        for (const woken of id === undefined ? places.keys() : [id])
          void look(woken, places.get(woken) as Place);
      });
    });
  },

  /** Resolves when so many events have come, from the beginning. */
  async receive(count: number): Promise<void> {
    if (events >= count) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`${events} of ${count} events came`)), 30_000);
    awaited = { count, resolve };
    await promise.finally(() => clearTimeout(timer));
  },
};

export type FollowerApi = typeof api;
expose(api);
