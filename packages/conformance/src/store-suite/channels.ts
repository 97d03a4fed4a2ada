import assert from "node:assert/strict";
import { CHANNEL, EPOCH, frames, NEXT_EPOCH, producer, type StoreTest } from "./store-test.ts";

export function testChannels(test: StoreTest): void {
  test("append MUST number the frames of a channel", async ({ store, other, texts }) => {
    await store.open("room", CHANNEL);
    const here = producer(store, "room", { epoch: EPOCH, fence: 0 });
    const there = producer(other, "room", { epoch: EPOCH, fence: 0 });
    assert.deepEqual(await here.append(undefined, ["f1"]), { code: "ok", last: 1 });
    assert.deepEqual(await there.append(undefined, ["f2", "f3"]), { code: "ok", last: 3 });
    assert.deepEqual(await here.append(undefined, ["f4"]), { code: "ok", last: 4 });
    assert.deepEqual(await texts("room"), frames(1, 4));
  });

  test("append MUST skip a batch whose number is not higher than the producer's last", async ({
    store,
    texts,
  }) => {
    await store.open("room", CHANNEL);
    const { append } = producer(store, "room", { epoch: EPOCH, fence: 0 });
    const batch = (name: string, number: number) => ({ batch: { producer: name, number } });
    assert.deepEqual(await append(undefined, ["f1", "f2"], batch("one", 1)), { code: "ok", last: 2 });
    assert.deepEqual(await append(undefined, ["f1", "f2"], batch("one", 1)), { code: "ok", last: 2 });
    assert.deepEqual(await append(undefined, ["f3"], batch("two", 1)), { code: "ok", last: 3 });
    assert.deepEqual(await append(undefined, ["f4"], batch("one", 2)), { code: "ok", last: 4 });
    assert.deepEqual(await append(undefined, ["f1", "f2"], batch("one", 1)), { code: "ok", last: 4 });
    assert.deepEqual(await append(undefined, ["f3"], batch("two", 1)), { code: "ok", last: 4 });
    assert.deepEqual(await append(undefined, ["f5"], batch("one", 10)), { code: "ok", last: 5 });
    assert.deepEqual(await append(undefined, ["f4"], batch("one", 9)), { code: "ok", last: 5 });
    for (const number of [12, 3, 12]) await append(undefined, [], batch("one", number));
    assert.deepEqual(await append(undefined, ["f6"], batch("one", 12)), { code: "ok", last: 5 });
    assert.deepEqual(await texts("room"), frames(1, 5));
  });

  test("append MUST ignore the batch numbers of an earlier epoch", async ({ store, texts }) => {
    await store.open("room", CHANNEL);
    const batch = { producer: "one", number: 5 };
    const old = producer(store, "room", { epoch: EPOCH, fence: 0 });
    await old.append(undefined, ["old"], { batch });
    await store.delete("room");
    assert.deepEqual(await old.append(undefined, ["old"], { batch }), { code: "missing" });

    await store.open("room", { ...CHANNEL, epoch: NEXT_EPOCH });
    assert.deepEqual(await old.append(undefined, ["old"], { batch }), { code: "fenced", fence: 0 });
    const next = producer(store, "room", { epoch: NEXT_EPOCH, fence: 0 });
    await next.append(undefined, ["new"], { batch: { ...batch, number: 1 } });
    assert.deepEqual(await texts("room"), ["new"]);
  });

  test("append MUST keep the order of each producer of a channel, and store each batch once", async ({
    store,
    other,
    texts,
  }) => {
    await store.open("room", CHANNEL);
    const names = ["a", "b", "c", "d"];
    const numbers = Array.from({ length: 25 }, (_, index) => index + 1);
    await Promise.all(
      names.flatMap((name, index) => {
        const { append } = producer(index % 2 ? store : other, "room", { epoch: EPOCH, fence: 0 });
        return numbers.flatMap((number) => {
          const push = () =>
            append(undefined, [`${name}${number}.1`, `${name}${number}.2`], {
              batch: { producer: name, number },
            });
          return [push(), push()];
        });
      }),
    );
    const pushed = await texts("room");
    assert.equal(pushed.length, 200);
    for (const name of names) {
      assert.deepEqual(
        pushed.filter((frame) => frame.startsWith(name)),
        numbers.flatMap((number) => [`${name}${number}.1`, `${name}${number}.2`]),
      );
    }
  });

  test("cancel and lost MUST do nothing to a channel", async ({ store, meta }) => {
    await store.open("room", CHANNEL);
    assert.equal(await store.cancel("room", "why"), false);
    assert.equal(await store.lost("room", 0, { status: "lost" }), false);
    const { end, cancel } = await meta("room");
    assert.deepEqual([end, cancel], [undefined, undefined]);
  });
}
