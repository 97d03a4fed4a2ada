import type { Store } from "@holdfast/core";
import { redisStore } from "@holdfast/redis";

/** The Redis store on each client library that it supports, by the name of the library. */
export const stores: Readonly<Record<string, (port: number) => Promise<Store>>> = {
  async redis(port) {
    const { createClient } = await import("redis");
    return redisStore({ client: await createClient({ url: `redis://127.0.0.1:${port}` }).connect() });
  },
  async ioredis(port) {
    const { Redis } = await import("ioredis");
    return redisStore({ client: new Redis(port, "127.0.0.1") });
  },
};

/** Longer than any measurement: no lease and no stream expires. */
export const LIFETIMES = { leaseMs: 600_000, ttlMs: 600_000 };
export const EPOCH = "aaaaaaaaaa";
