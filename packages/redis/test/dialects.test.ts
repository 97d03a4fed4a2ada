import { Redis } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisClient, redisStore } from "../src/index.ts";
import { eventually } from "../../conformance/src/adapter-suite/eventually.ts";
import { redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";
import { EVERYTHING, STREAM } from "./support/stream.ts";

type Connect = (port: number) => Promise<{ readonly client: RedisClient; readonly close: () => void }>;

const ignore = (): void => undefined;

const nodeRedis =
  (settings: Parameters<typeof createClient>[0]): Connect =>
  async (port) => {
    const client = createClient({ ...settings, socket: { host: "127.0.0.1", port } });
    client.on("error", ignore);
    await client.connect();
    return { client: client as RedisClient, close: () => client.destroy() };
  };

const ioredis =
  (settings: Readonly<Record<string, unknown>>): Connect =>
  async (port) => {
    const client = new Redis(port, "127.0.0.1", { lazyConnect: true, ...settings });
    client.on("error", ignore);
    await client.connect();
    return { client, close: () => client.disconnect() };
  };

/** Clients whose settings change what goes over the wire, or what comes back from it. */
const dialects: readonly (readonly [name: string, connect: Connect])[] = [
  ["redis, RESP 2", nodeRedis({ RESP: 2 })],
  ["redis, RESP 3", nodeRedis({ RESP: 3 })],
  ["redis, numbers as text", nodeRedis({ commandOptions: { typeMapping: { [RESP_TYPES.NUMBER]: String } } })],
  ["redis, no queue", nodeRedis({ disableOfflineQueue: true })],
  ["redis, another database", nodeRedis({ database: 3 })],
  ["ioredis, RESP 2", ioredis({ protocol: 2 })],
  ["ioredis, RESP 3", ioredis({ protocol: 3, replyMapping: "resp3" })],
  ["ioredis, numbers as text", ioredis({ stringNumbers: true })],
  ["ioredis, no queue", ioredis({ enableOfflineQueue: false })],
  ["ioredis, pipelines by itself", ioredis({ enableAutoPipelining: true })],
  ["ioredis, a prefix and pipelines", ioredis({ enableAutoPipelining: true, keyPrefix: "mine:" })],
  ["ioredis, friendly stacks", ioredis({ showFriendlyErrorStack: true })],
];

describe.skipIf(redisBinary === undefined)("a client's settings", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.for(dialects)("%s", async ([name, connect]) => {
    const { client, close } = await connect(server.port);
    onTestFinished(close);
    const store = redisStore({ client, prefix: `${name}:` });
    const woken = new Set<string | undefined>();
    const wake = store.wake(["a{b}", "ü"], (id) => void woken.add(id));
    onTestFinished(() => wake.close());

    const bytes = Uint8Array.of(0xff, 0, 0xc3, 0x28, 13, 10);
    const kept = { leaseMs: 60_000, ttlMs: 60_000 };
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
          ...kept,
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
