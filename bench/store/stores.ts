import type { Store } from "@holdfast/core";
import { redisStore } from "@holdfast/redis";
import { sqliteStore } from "@holdfast/sqlite";

/** Where a store keeps its data: the port of a Redis, or the path of a file. */
export type Place = number | string;

/** The Redis store on each client library that it supports, by the name of the library, and the store in a file. */
export const stores: Readonly<Record<string, (place: Place) => Promise<Store>>> = {
  async redis(place) {
    const { createClient } = await import("redis");
    return redisStore({ client: await createClient({ url: `redis://127.0.0.1:${place}` }).connect() });
  },
  async ioredis(place) {
    const { Redis } = await import("ioredis");
    return redisStore({ client: new Redis(Number(place), "127.0.0.1") });
  },
  sqlite: async (place) => sqliteStore({ path: String(place) }),
};

/** Longer than any measurement: no lease and no stream expires. */
export const LIFETIMES = { leaseMs: 600_000, ttlMs: 600_000 };
export const EPOCH = "aaaaaaaaaa";
