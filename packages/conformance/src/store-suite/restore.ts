import assert from "node:assert/strict";
import {
  CHANNEL,
  EPOCH,
  EVERYTHING,
  frames,
  NEXT_EPOCH,
  producer,
  STREAM,
  type StoreTest,
} from "./store-test.ts";

export function testRestore(test: StoreTest): void {
  test("a restore of a stream that was lost MUST continue it with the same epoch and fence", async ({
    store,
    openProducer,
    meta,
    texts,
  }) => {
    const old = await openProducer("job");
    await old.append(1, ["f1"]);
    const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    await next.append(2, frames(2, 3));
    await store.delete("job");

    assert.deepEqual(await next.append(4, ["f4"]), { code: "missing" });
    const joints = [{ epoch: EPOCH, last: 1 }];
    const restore = { epoch: NEXT_EPOCH, restoreFence: next.fence, restoreJoints: joints };
    const restored = await openProducer("job", restore);
    assert.deepEqual([restored.epoch, restored.fence, restored.last], [NEXT_EPOCH, next.fence, 0]);
    assert.deepEqual(await next.append(1, frames(1, 4)), { code: "ok", last: 4 });
    assert.deepEqual(await texts("job"), frames(1, 4));
    assert.deepEqual((await meta("job")).joints, joints);
    assert.equal((await old.append(5, ["old"])).code, "fenced");
  });

  test("a restore MUST continue after `restoreLast`", async ({ store, openProducer, meta, texts }) => {
    const restored = await openProducer("job", { restoreFence: 3, restoreLast: 5 });
    assert.deepEqual([restored.fence, restored.last], [3, 5]);
    const { first, last } = await meta("job");
    assert.deepEqual([first, last], [6, 5]);
    assert.equal((await store.read("job", { epoch: EPOCH, seq: 4 }, EVERYTHING)).code, "trimmed");
    assert.equal((await store.read("job", { epoch: EPOCH, seq: 5 }, EVERYTHING)).code, "ok");
    assert.deepEqual(await restored.append(6, ["f6"]), { code: "ok", last: 6 });
    assert.deepEqual(await texts("job"), ["f6"]);
  });

  test("a restore of a stream that lost its newest frames MUST remove the older ones", async ({
    openProducer,
    meta,
    texts,
  }) => {
    const { append, fence } = await openProducer("job");
    await append(1, frames(1, 3));
    assert.deepEqual(await append(6, ["f6"]), { code: "gap", expected: 4 });
    const restored = await openProducer("job", { restoreFence: fence, restoreLast: 5 });
    assert.equal(restored.last, 5);
    assert.equal((await meta("job")).first, 6);
    await append(6, ["f6"]);
    assert.deepEqual(await texts("job"), ["f6"]);
  });

  test("a restore of a stream that lost a take-over MUST continue with the higher fence", async ({
    openProducer,
    meta,
  }) => {
    const old = await openProducer("job");
    await old.append(1, frames(1, 3));
    const restored = await openProducer("job", { restoreFence: old.fence + 1, restoreLast: 2 });
    assert.deepEqual([restored.fence, restored.last], [old.fence + 1, 2]);
    const { first, last } = await meta("job");
    assert.deepEqual([first, last], [3, 2]);
    assert.equal((await old.append(3, ["old"])).code, "fenced");
  });

  test("a restore MUST NOT remove frames that the store has", async ({ openProducer, texts }) => {
    const { append, fence } = await openProducer("job");
    await append(1, frames(1, 3));
    for (const restoreLast of [0, 2]) {
      const { last } = await openProducer("job", { restoreFence: fence, restoreLast });
      assert.equal(last, 3);
    }
    assert.deepEqual(await texts("job"), frames(1, 3));
  });

  test("a restore MUST be refused after a new epoch, a higher fence or an end", async ({
    store,
    openProducer,
    texts,
  }) => {
    const { append, fence } = await openProducer("job");
    const restore = { ...STREAM, restoreFence: fence };
    assert.equal((await store.open("job", { ...restore, epoch: NEXT_EPOCH })).role, "reader");
    const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    assert.equal((await store.open("job", restore)).role, "reader");
    assert.equal((await append(1, ["old"])).code, "fenced");

    await next.append(1, ["f1"], { end: { status: "cancelled" } });
    const late = await store.open("job", { ...restore, epoch: NEXT_EPOCH, restoreFence: next.fence });
    assert(late.role === "reader");
    assert.deepEqual(late.meta.end, { status: "cancelled" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("a restore of a channel MUST continue it with the same epoch", async ({ store }) => {
    const restore = { ...CHANNEL, restoreFence: 0, restoreLast: 7 };
    assert.deepEqual(await store.open("room", restore), {
      role: "producer",
      epoch: EPOCH,
      fence: 0,
      last: 7,
    });
    const room = producer(store, "room", { epoch: EPOCH, fence: 0 });
    assert.deepEqual(await room.append(undefined, ["f8"]), { code: "ok", last: 8 });
    assert.deepEqual(await store.open("room", restore), {
      role: "producer",
      epoch: EPOCH,
      fence: 0,
      last: 8,
    });
  });
}
