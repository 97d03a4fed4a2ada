import { redisBinary, startRedis } from "../../packages/redis/test/support/redis-server.ts";
import { Random } from "../harness/random.ts";
import { FaultyProxy } from "../stores/faulty-proxy.ts";
import { RedisFaults } from "../stores/redis-faults.ts";
import { startServers } from "./adapter-targets.ts";
import type { ServerTarget, Setup } from "./server-campaign.ts";

/** Two services in one process, which share a store in memory. */
async function onMemory(seed: number): Promise<Setup> {
  const child = startServers({
    adapter: "node-http",
    seed,
    indexes: [0, 1],
    processes: 2,
    store: { kind: "memory" },
  });
  return {
    children: [child],
    faults: {
      start: () => child.run("setFaults", true),
      stop: () => child.run("setFaults", false),
      count: () => child.run("faults"),
    },
    close: () => child.stop(),
  };
}

/** Two processes, which share a Redis behind a proxy. */
async function onRedis(seed: number): Promise<Setup> {
  const random = new Random(seed);
  const redis = await startRedis();
  const proxy = new FaultyProxy(redis.port, random.fork());
  const port = await proxy.listen();
  const children = [0, 1].map((index) =>
    startServers({
      adapter: "node-http",
      seed: random.int(0, 2 ** 31),
      indexes: [index],
      processes: 2,
      store: { kind: "redis", port },
    }),
  );
  const faults = new RedisFaults(redis, proxy, random.fork());
  return {
    children,
    faults,
    async close() {
      await faults.stop();
      await Promise.all(children.map((child) => child.stop()));
      await proxy.close();
      await redis.stop();
    },
  };
}

/** Without `redis-server` only the store in memory: a line that says so is printed when this module is loaded. */
export const storeTargets: readonly ServerTarget[] = [
  { name: "store in memory", protocol: "http/1.1", open: onMemory },
  ...(redisBinary === undefined
    ? []
    : [{ name: "Redis store", protocol: "http/1.1", open: onRedis } as const]),
];
