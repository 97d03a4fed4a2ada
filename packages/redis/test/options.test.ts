import type { Store } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, expectStoreWorks, STREAM, texts } from "./support/stream.ts";

describeOnRedis("names in Redis", ({ connect }) => {
  test("begin with hf: by default", async () => {
    const { client, command } = await connect();
    await command("FLUSHALL");
    const store = redisStore({ client });
    await expectStoreWorks(store, "a{b}%");
    expect((await command("KEYS", "*")) as string[]).toHaveLength(2);
    expect(await command("EXISTS", "hf:{a%7bb%7d%25}:m", "hf:{a%7bb%7d%25}:s")).toBe(2);
    expect(await command("PUBSUB", "CHANNELS")).toEqual(["hf:{a%7bb%7d%25}:c"]);
    await store.delete("a{b}%");
    expect(await command("KEYS", "*")).toEqual([]);
  });

  test("begin with the option `prefix`", async () => {
    const { client, command } = await connect();
    await command("FLUSHALL");
    await expectStoreWorks(redisStore({ client, prefix: "app:jobs:" }));
    expect(((await command("KEYS", "*")) as string[]).sort()).toEqual([
      "app:jobs:{job}:m",
      "app:jobs:{job}:s",
    ]);
    expect(await command("PUBSUB", "CHANNELS")).toEqual(["app:jobs:{job}:c"]);
  });

  test("begin with the key prefix of the client, then the option `prefix`", async () => {
    const [plain, { client }] = [await connect(), await connect({ keyPrefix: "mine:" })];
    await plain.command("FLUSHALL");
    const store = redisStore({ client });
    await expectStoreWorks(store);
    await store.open("room", { ...STREAM, kind: "channel" });
    await append(store, "room", undefined, ["f"], { fence: 0, batch: { producer: "p", number: 1 } });
    expect(((await plain.command("KEYS", "*")) as string[]).sort()).toEqual([
      "mine:hf:{job}:m",
      "mine:hf:{job}:s",
      "mine:hf:{room}:b:p",
      "mine:hf:{room}:m",
      "mine:hf:{room}:s",
    ]);
    expect(await plain.command("PUBSUB", "CHANNELS")).toEqual(["mine:hf:{job}:c"]);
    // Another machine may spell the same names without a key prefix.
    const same = redisStore({ client: plain.client, prefix: "mine:hf:" });
    expect(await texts(same, "room")).toEqual(["f"]);
    await store.delete("job");
    expect(await texts(same, "job")).toBe("missing");
  });

  test("differ between stores with different prefixes", async () => {
    const { client } = await connect();
    const [one, two] = [redisStore({ client, prefix: "one:" }), redisStore({ client, prefix: "two:" })];
    await expectStoreWorks(one);
    expect(await texts(two, "job")).toBe("missing");
  });
});

describe("an invalid value is refused with INVALID_OPTION:", () => {
  const client = {
    on() {},
    off() {},
    connect: async () => {},
    duplicate() {},
    sendCommand() {},
    isReady: true,
  };

  /** As a JavaScript caller would, without types. */
  const openStore = (options: object): Store => redisStore(options as Parameters<typeof redisStore>[0]);

  test.for([
    ["a prefix with braces", { client, prefix: "{a}" }],
    ["a timeout of 0", { client, timeout: 0 }],
    ["an infinite timeout", { client, timeout: Infinity }],
    ["a client without `duplicate`", { client: { ...client, duplicate: undefined } }],
    ["no client", {}],
    ["null as the client", { client: null }],
  ] as const)("%s", ([, options]) => {
    expect(() => openStore(options)).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  test.for([[""], ["\n"], ["x".repeat(257)]])("the id %j", async ([id]) => {
    const store = openStore({ client });
    await expect(store.open(id as string, STREAM)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});
