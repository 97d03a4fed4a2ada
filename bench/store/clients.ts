import { redisStore } from "@holdfast/redis";
import type { Store } from "@holdfast/core";

/** The store through each of the clients that it takes, by their names. */
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

/** Of a stream that nobody else produces. */
export const KEPT = { leaseMs: 600_000, ttlMs: 600_000 };
export const EPOCH = "aaaaaaaaaa";
