import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type {
  createClientPool,
  createSentinel,
  RedisClientType,
  RedisClusterType,
  RedisFunctions,
  RedisModules,
  RedisScripts,
} from "redis";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createConnector } from "../../src/connectors/create-connector.ts";
import { type RedisClient, redisStore, type RedisStoreOptions } from "../../src/index.ts";

const noop = (): void => undefined;
const asyncNoop = async (): Promise<void> => undefined;

const pubSub = {
  on: noop,
  connect: asyncNoop,
  destroy: noop,
  disconnect: noop,
  subscribe: asyncNoop,
  unsubscribe: asyncNoop,
  sSubscribe: asyncNoop,
  sUnsubscribe: asyncNoop,
  ssubscribe: asyncNoop,
  sunsubscribe: asyncNoop,
  ping: asyncNoop,
};
/** Wrappers that show nothing but the methods that the store uses. */
const nodeRedisWrapper = {
  on: noop,
  off: noop,
  sendCommand: asyncNoop,
  duplicate: () => pubSub,
};
const ioredisWrapper = {
  isCluster: false,
  on: noop,
  off: noop,
  evalBuffer: asyncNoop,
  evalshaBuffer: asyncNoop,
  unlinkBuffer: asyncNoop,
  duplicate: () => pubSub,
};
const nodeRedisClusterWrapper = { ...nodeRedisWrapper, nodeByAddress: new Map() };
const ioredisClusterWrapper = { ...ioredisWrapper, isCluster: true };

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(message) });

/** As a JavaScript caller would, without types. */
const openStore = (options: object) => redisStore(options as RedisStoreOptions);

test("a client is recognised by its members", () => {
  const single = new Redis({ lazyConnect: true });
  const cluster = new Cluster([], { lazyConnect: true });
  expect(createConnector(createClient(), undefined, 5_000)).toMatchObject({ sharded: false });
  expect(createConnector(createCluster({ rootNodes: [] }), undefined, 5_000).sharded).toBe(true);
  expect(createConnector(single, undefined, 5_000).sharded).toBe(false);
  expect(createConnector(cluster, undefined, 5_000).sharded).toBe(true);
});

describe("a wrapper that is not recognised", () => {
  test("is refused with an error that mentions `connector`", () => {
    expect(() => openStore({ client: nodeRedisWrapper })).toThrowError(invalid('`connector: "redis"`'));
  });

  test("is accepted when its library is named", () => {
    expect(createConnector(nodeRedisWrapper, "redis", 5_000).sharded).toBe(false);
    expect(createConnector(nodeRedisClusterWrapper, "redis", 5_000).sharded).toBe(true);
    expect(createConnector(ioredisWrapper, "ioredis", 5_000).sharded).toBe(false);
    expect(createConnector(ioredisClusterWrapper, "ioredis", 5_000).sharded).toBe(true);
  });

  test("is refused if it lacks methods of the named library", () => {
    expect(() => openStore({ client: nodeRedisWrapper, connector: "ioredis" })).toThrowError(
      invalid("Missing: evalBuffer, evalshaBuffer, unlinkBuffer."),
    );
    expect(() => openStore({ client: ioredisWrapper, connector: "redis" })).toThrowError(
      invalid("Missing: sendCommand."),
    );
  });
});

test("the named library takes precedence over the guess", () => {
  const client = { ...nodeRedisWrapper, evalshaBuffer: asyncNoop };
  expect(() => openStore({ client })).toThrowError(invalid("of `ioredis`"));
  expect(createConnector(client, "redis", 5_000).sharded).toBe(false);
});

test.for([["node-redis"], ["toString"], [""], [null], [1]])("the connector %j is refused", ([connector]) => {
  expect(() => openStore({ client: nodeRedisWrapper, connector })).toThrowError(
    invalid('`connector` must be "redis" or "ioredis"'),
  );
});

test("the type of `client` takes the clients and clusters of both libraries, and no others", () => {
  expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisClient>();
  expectTypeOf<RedisClientType>().toExtend<RedisClient>();
  expectTypeOf<RedisClusterType>().toExtend<RedisClient>();
  expectTypeOf<RedisClientType<RedisModules, RedisFunctions, RedisScripts>>().toExtend<RedisClient>();
  expectTypeOf<RedisClientType<{}, {}, {}, 2>>().toExtend<RedisClient>();
  expectTypeOf<Redis>().toExtend<RedisClient>();
  expectTypeOf<Redis<"resp3">>().toExtend<RedisClient>();
  expectTypeOf<Cluster>().toExtend<RedisClient>();
  expectTypeOf(nodeRedisWrapper).toExtend<RedisClient>();
  expectTypeOf(nodeRedisClusterWrapper).toExtend<RedisClient>();
  expectTypeOf(ioredisWrapper).toExtend<RedisClient>();
  expectTypeOf(ioredisClusterWrapper).toExtend<RedisClient>();

  expectTypeOf<ReturnType<typeof createClientPool>>().not.toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createSentinel>>().not.toExtend<RedisClient>();
  expectTypeOf<{}>().not.toExtend<RedisClient>();
});
