import * as core from "@holdfast/core";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histories } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";
import { simulatedRedisStore } from "./support/simulated-store.ts";

const RUNS = Number(process.env.HOLDFAST_RUNS ?? 100);

describe.skipIf(redisBinary === undefined)("registries that share a Redis", () => {
  let server: RedisServer;
  let clients: Redis[] = [];
  beforeAll(async () => {
    server = await startRedis();
    clients = Array.from({ length: 3 }, () => new Redis(server.port, "127.0.0.1"));
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });

  test.each(histories)(
    "lose, duplicate and leak nothing in random histories in which %s",
    async (_, arbitrary, share) => {
      await fc.assert(
        fc.asyncProperty(arbitrary, async (history) => {
          const store = simulatedRedisStore(clients);
          try {
            await run(core, history, store);
          } finally {
            store.close();
          }
        }),
        { numRuns: Math.ceil(RUNS * share) },
      );
      expect.assertions(0);
    },
    3_600_000,
  );
});
