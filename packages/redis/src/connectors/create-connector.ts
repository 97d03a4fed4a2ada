import { HoldfastError } from "@holdfast/core";
import type { RedisConnector } from "./connector.ts";
import {
  type IoredisBufferCommands,
  type IoredisClient,
  type IoredisCluster,
  ioredisClusterConnector,
  ioredisConnector,
} from "./ioredis.ts";
import {
  type NodeRedisClient,
  type NodeRedisCluster,
  nodeRedisClusterConnector,
  nodeRedisConnector,
} from "./node-redis.ts";

/**
 * A client or a cluster of `redis` 6 or `ioredis` 6, or a wrapper around one: the members that the store uses of each.
 */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoredisClient | IoredisCluster;

/** The library whose methods a client has. */
export type ConnectorName = "redis" | "ioredis";

const METHODS: Readonly<Record<ConnectorName, readonly string[]>> = {
  redis: ["on", "off", "duplicate", "sendCommand"],
  ioredis: ["on", "off", "duplicate", "evalBuffer", "evalshaBuffer", "unlinkBuffer"],
};

/**
 * @param name the library; guessed from the members of the client if `undefined`
 * @param timeout how long a command may wait in the client until it is sent, in ms
 * @throws `INVALID_OPTION`
 */
export function createConnector(
  client: RedisClient,
  name: ConnectorName | undefined,
  timeout: number,
): RedisConnector {
  if (name !== undefined && !Object.hasOwn(METHODS, name)) {
    throw invalid(`\`connector\` must be "redis" or "ioredis", got ${String(name)}.`);
  }
  if (typeof client !== "object" || client === null) {
    throw invalid(`\`client\` must be a client of \`redis\` or of \`ioredis\`, got ${String(client)}.`);
  }
  const library = name ?? guessLibrary(client);
  if (library === undefined) {
    throw invalid(
      "`client` is not recognised as a client of `redis` or of `ioredis`. " +
        'If it wraps one, name the library with `connector: "redis"` or `connector: "ioredis"`.',
    );
  }
  if (library === "redis" && isNodeRedis(client)) {
    return client.nodeByAddress === undefined
      ? nodeRedisConnector(client, timeout)
      : nodeRedisClusterConnector(client, timeout);
  }
  if (library === "ioredis" && isIoredis(client)) {
    return isIoredisCluster(client) ? ioredisClusterConnector(client) : ioredisConnector(client);
  }
  const missing = missingMethods(client, library).join(", ");
  throw invalid(
    `\`client\` must have all methods of \`${library}\` that the store uses. Missing: ${missing}.`,
  );
}

/** Looks for members that only one of the libraries has. */
function guessLibrary(client: RedisClient): ConnectorName | undefined {
  const has = (member: string): boolean => Reflect.get(client, member) !== undefined;
  if (has("evalshaBuffer")) return "ioredis";
  if (has("nodeByAddress") || has("isReady")) return "redis";
  return undefined;
}

function missingMethods(client: RedisClient, library: ConnectorName): string[] {
  return METHODS[library].filter((method) => typeof Reflect.get(client, method) !== "function");
}

function isNodeRedis(client: RedisClient): client is NodeRedisClient | NodeRedisCluster {
  return missingMethods(client, "redis").length === 0;
}

function isIoredis(client: RedisClient): client is (IoredisClient | IoredisCluster) & IoredisBufferCommands {
  return missingMethods(client, "ioredis").length === 0;
}

function isIoredisCluster(client: IoredisClient | IoredisCluster): client is IoredisCluster {
  return client.isCluster;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}
