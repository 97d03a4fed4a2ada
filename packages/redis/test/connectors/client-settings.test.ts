import { Redis, type RedisOptions } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import type { RedisClientOptions, RedisFunctions, RedisModules, RedisScripts, RespVersions } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../../conformance/src/harness/eventually.ts";
import { type RedisClient, redisStore } from "../../src/index.ts";
import { redisBinary, type RedisServer, startRedis } from "../support/redis-server.ts";
import { EVERYTHING, STREAM } from "../support/stream.ts";

type Connect = (port: number) => Promise<{ readonly client: RedisClient; readonly close: () => void }>;

const ignore = (): void => undefined;

const nodeRedis =
  (settings: RedisClientOptions<RedisModules, RedisFunctions, RedisScripts, RespVersions>): Connect =>
  async (port) => {
    const client = createClient({ ...settings, socket: { host: "127.0.0.1", port } });
    client.on("error", ignore);
    await client.connect();
    return { client, close: () => client.destroy() };
  };

const ioredis =
  (settings: RedisOptions & { readonly replyMapping?: "resp3" }): Connect =>
  async (port) => {
    const client = new Redis(port, "127.0.0.1", { lazyConnect: true, ...settings });
    client.on("error", ignore);
    await client.connect();
    return { client, close: () => client.disconnect() };
  };

/** Settings that change the commands that a client sends, or the replies that it returns. */
const clients: readonly (readonly [name: string, connect: Connect])[] = [
  ["redis with RESP 2", nodeRedis({ RESP: 2 })],
  ["redis with RESP 3", nodeRedis({ RESP: 3 })],
  [
    "redis with numbers as text",
    nodeRedis({ commandOptions: { typeMapping: { [RESP_TYPES.NUMBER]: String } } }),
  ],
  ["redis without an offline queue", nodeRedis({ disableOfflineQueue: true })],
  ["redis with another database", nodeRedis({ database: 3 })],
  ["ioredis with RESP 2", ioredis({ protocol: 2 })],
  ["ioredis with RESP 3", ioredis({ protocol: 3, replyMapping: "resp3" })],
  ["ioredis with numbers as text", ioredis({ stringNumbers: true })],
  ["ioredis without an offline queue", ioredis({ enableOfflineQueue: false })],
  ["ioredis with automatic pipelines", ioredis({ enableAutoPipelining: true })],
  [
    "ioredis with a key prefix and automatic pipelines",
    ioredis({ enableAutoPipelining: true, keyPrefix: "mine:" }),
  ],
  ["ioredis with friendly error stacks", ioredis({ showFriendlyErrorStack: true })],
];

describe.skipIf(redisBinary === undefined)("the store works through", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.for(clients)("%s", async ([name, connect]) => {
    const { client, close } = await connect(server.port);
    onTestFinished(close);
    const store = redisStore({ client, prefix: `${name}:` });
    const woken = new Set<string | undefined>();
    const wake = store.wake(["a{b}", "ü"], (id) => void woken.add(id));
    onTestFinished(() => wake.close());

    const bytes = Uint8Array.of(0xff, 0, 0xc3, 0x28, 13, 10);
    const times = { leaseMs: 60_000, ttlMs: 60_000 };
    for (const id of ["a{b}", "ü"]) {
      expect(await store.open(id, STREAM)).toEqual({
        role: "producer",
        epoch: STREAM.epoch,
        fence: 1,
        last: 0,
      });
    }
    let from = 0;
    await eventually(async () => {
      from++;
      for (const id of ["a{b}", "ü"]) {
        const appended = await store.append(id, {
          epoch: STREAM.epoch,
          fence: 1,
          from,
          frames: [bytes],
          ...times,
        });
        expect(appended).toEqual({ code: "ok", last: from });
      }
      for (const id of ["a{b}", "ü"]) expect(woken).toContain(id);
    });
    expect(await store.cancel("ü", "why")).toBe(true);
    const page = await store.read("ü", { epoch: STREAM.epoch, seq: from - 1 }, EVERYTHING);
    expect(page).toEqual({
      code: "ok",
      meta: {
        kind: "stream",
        epoch: STREAM.epoch,
        first: 1,
        last: from,
        fence: 1,
        leaseLeftMs: expect.any(Number),
        cancel: "why",
      },
      frames: [Buffer.from(bytes)],
    });
    expect(await store.lost("ü", 1, { status: "lost" })).toBe(false);
    await store.delete("ü");
    expect(await store.read("ü", null, EVERYTHING)).toEqual({ code: "missing" });
  });
});
