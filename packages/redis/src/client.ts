import { HoldfastError } from "@holdfast/core";
import { type Ioredis, type IoredisCluster, ioredisClusterPort, ioredisPort } from "./ioredis.ts";
import { type NodeRedis, type NodeRedisCluster, nodeRedisClusterPort, nodeRedisPort } from "./node-redis.ts";
import type { RedisPort } from "./port.ts";

/** A client or a cluster of `redis` 6 or of `ioredis` 6, as its own package makes it. */
export interface RedisClient {
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
  connect(): Promise<unknown>;
  duplicate(...args: never[]): unknown;
  sendCommand(...args: never[]): unknown;
}

/**
 * @param timeout how long a command may wait in the client, in ms
 * @throws `INVALID_OPTION`
 */
export function portOf(client: RedisClient, timeout: number): RedisPort {
  const has = (name: string): boolean => (client as unknown as Record<string, unknown>)[name] !== undefined;
  if (typeof client === "object" && client !== null && has("duplicate") && has("sendCommand")) {
    if (has("evalshaBuffer")) {
      const cluster = (client as { isCluster?: boolean }).isCluster;
      return cluster
        ? ioredisClusterPort(client as unknown as IoredisCluster)
        : ioredisPort(client as unknown as Ioredis);
    }
    if (has("nodeByAddress")) return nodeRedisClusterPort(client as unknown as NodeRedisCluster, timeout);
    if (has("isReady")) return nodeRedisPort(client as unknown as NodeRedis, timeout);
  }
  throw new HoldfastError("INVALID_OPTION", "`client` must be a client of `redis` or of `ioredis`.", {
    expose: false,
  });
}
