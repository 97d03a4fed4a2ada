import { HoldfastError } from "@holdfast/core";
import { expect, test } from "vitest";
import { LAYOUT } from "../src/scripts/index.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, expectStoreWorks, STREAM } from "./support/stream.ts";

describeOnRedis("data in another layout", ({ open }) => {
  test.each([
    ["a later one", "later", ["HSET", "hf:{later}:m", "layout", "2"], /layout 2, and .* uses layout 1/],
    [
      "that of versions before there were layouts",
      "earlier",
      ["HDEL", "hf:{earlier}:m", "layout"],
      /an unreleased version/,
    ],
  ])("%s is refused by every call, with the reason", async (_name, id, command, message) => {
    const redis = await open();
    const { store } = redis;
    await store.open(id, STREAM);
    await redis.command(...command);

    const calls = [
      () => store.open(id, { ...STREAM, epoch: "bbbbbbbbbb", ifExists: "replace" }),
      () => append(store, id, 1, ["f"]),
      () => store.read(id, null, { frames: 1, bytes: 1 }),
      () => store.cancel(id, ""),
      () => store.lost(id, 1, { status: "lost" }),
    ];
    for (const call of calls) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(HoldfastError.is(error)).toBe(true);
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: false });
      expect(String(error)).toMatch(message);
    }
    expect(await redis.command("XLEN", `hf:{${id}}:s`)).toBe(0);
  });

  test("says nothing about Redis: other ids are served, and the store counts as healthy", async () => {
    const { store, command } = await open();
    const changes: boolean[] = [];
    const stop = store.health((healthy) => changes.push(healthy));
    await store.open("other", STREAM);
    await command("HSET", "hf:{other}:m", "layout", String(LAYOUT + 1));
    await expect(store.read("other", null, { frames: 1, bytes: 1 })).rejects.toThrow("layout");
    await expectStoreWorks(store);
    expect(changes).toEqual([]);
    stop();
  });

  test("can be deleted", async () => {
    const { store, command } = await open();
    await store.open("old", STREAM);
    await command("HSET", "hf:{old}:m", "layout", String(LAYOUT + 1));
    await store.delete("old");
    expect(await store.open("old", STREAM)).toMatchObject({ role: "producer" });
  });
});
