import assert from "node:assert/strict";
import { CHANNEL, EVERYTHING, LONG, NEXT_EPOCH, SHORT, type StoreTest } from "./store-test.ts";

export function testRetention(test: StoreTest): void {
  test("delete MUST make the id unknown", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await append(1, ["f1"]);
    await store.delete("job");
    await store.delete("job");
    assert.deepEqual(await store.read("job", null, EVERYTHING), { code: "missing" });
    assert.deepEqual(await append(2, ["f2"]), { code: "missing" });
    assert.equal((await openProducer("job", { epoch: NEXT_EPOCH })).last, 0);
  });

  test("an id without appends MUST become unknown after its TTL", async ({ store, openProducer, until }) => {
    await openProducer("job", { ttlMs: SHORT });
    await store.open("room", { ...CHANNEL, ttlMs: SHORT });
    await until(async () => (await store.read("job", null, EVERYTHING)).code === "missing");
    await until(async () => (await store.read("room", null, EVERYTHING)).code === "missing");
  });

  test("append MUST renew the TTL", async ({ openProducer, pause, texts, until }) => {
    const ttlMs = 500;
    // A busy machine may take longer than the first TTL; then the append comes too late, and another id is tried.
    let attempt = 0;
    let id = "";
    await until(async () => {
      id = `job ${++attempt}`;
      const { append } = await openProducer(id, { ttlMs });
      const first = await append(1, ["f1"], { ttlMs });
      const second = await append(2, ["f2"], { ttlMs: LONG });
      return first.code === "ok" && second.code === "ok";
    });
    await pause(ttlMs + 100);
    assert.deepEqual(await texts(id), ["f1", "f2"]);
  });

  test("appends MUST renew a TTL that is shorter than the lease", async ({ openProducer, pause, until }) => {
    const ttlMs = 500;
    let attempt = 0;
    await until(async () => {
      const { append } = await openProducer(`job ${++attempt}`, { ttlMs });
      for (let seq = 1; seq <= 8; seq++) {
        if ((await append(seq, ["f"], { ttlMs })).code !== "ok") return attempt === 20;
        await pause(100);
      }
      return true;
    });
    assert(attempt < 20);
  });
}
