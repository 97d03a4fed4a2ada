import assert from "node:assert/strict";
import { NEXT_EPOCH, type StoreTest, THIRD_EPOCH } from "./store-test.ts";

export function testCancel(test: StoreTest): void {
  test("cancel MUST be returned to the producer with each append", async ({
    other,
    openProducer,
    meta,
    texts,
  }) => {
    const { append } = await openProducer("job");
    assert.equal(await other.cancel("job", "user"), true);
    assert.equal((await meta("job")).cancel, "user");
    assert.deepEqual(await append(1, ["f1"]), { code: "ok", last: 1, cancel: "user" });
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 1, cancel: "user" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("cancel MUST keep the first reason, also an empty one", async ({ store, openProducer, meta }) => {
    await openProducer("job");
    assert.equal(await store.cancel("job", ""), true);
    assert.equal(await store.cancel("job", "later"), true);
    assert.equal((await meta("job")).cancel, "");
  });

  test("cancel MUST be returned to a producer that continues the stream", async ({ store, openProducer }) => {
    await openProducer("job");
    await store.cancel("job", "user");
    const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    assert.deepEqual(await next.append(1, ["f1"]), { code: "ok", last: 1, cancel: "user" });
  });

  test("cancel MUST be returned with the grace of the first request", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await store.cancel("job", "user", 5_000);
    await store.cancel("job", "later", 1);
    assert.deepEqual(await append(1, ["f1"]), {
      code: "ok",
      last: 1,
      cancel: "user",
      cancelGraceMs: 5_000,
    });
  });

  test("cancel MUST return false for a stream that has ended and for an unknown id", async ({
    store,
    openProducer,
    meta,
  }) => {
    const { append } = await openProducer("job");
    await append(1, [], { end: { status: "done" } });
    assert.equal(await store.cancel("job", "user"), false);
    assert.equal((await meta("job")).cancel, undefined);
    assert.equal(await store.cancel("unknown", "user"), false);
  });

  test("cancel MUST NOT apply to the next epoch of the id", async ({ store, openProducer, meta }) => {
    const { append } = await openProducer("job");
    await store.cancel("job", "user");
    await append(1, [], { end: { status: "cancelled" } });
    const next = await openProducer("job", { epoch: NEXT_EPOCH });
    assert.equal((await meta("job")).cancel, undefined);
    await store.cancel("job", "user", 5_000);
    const { append: appendNext } = await openProducer("job", { epoch: THIRD_EPOCH, ifExists: "replace" });
    assert.equal((await next.append(1, ["old"])).code, "fenced");
    assert.deepEqual(await appendNext(1, ["f1"]), { code: "ok", last: 1 });
  });
}
