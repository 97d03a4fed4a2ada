import assert from "node:assert/strict";
import {
  EPOCH,
  EVERYTHING,
  frames,
  LONG,
  NEXT_EPOCH,
  producer,
  SHORT,
  type StoreTest,
} from "./store-test.ts";

export function testAppend(test: StoreTest): void {
  test("append MUST keep the numbers that the producer gives to its frames", async ({
    store,
    openProducer,
    texts,
  }) => {
    const { append } = await openProducer("job");
    assert.deepEqual(await append(1, ["f1"]), { code: "ok", last: 1 });
    assert.deepEqual(await append(2, frames(2, 4)), { code: "ok", last: 4 });
    assert.deepEqual(await texts("job"), frames(1, 4));
    const page = await store.read("job", { epoch: EPOCH, seq: 2 }, EVERYTHING);
    assert(page.code === "ok");
    assert.equal(page.frames.length, 2);
  });

  test("append MUST keep the order of calls that do not wait for each other", async ({
    openProducer,
    texts,
  }) => {
    const { append } = await openProducer("job");
    const appended = await Promise.all(frames(1, 50).map((frame, index) => append(index + 1, [frame])));
    assert.deepEqual(
      appended,
      appended.map((_, index) => ({ code: "ok", last: index + 1 })),
    );
    assert.deepEqual(await texts("job"), frames(1, 50));
  });

  test("append MUST refuse all frames after a gap, and return the number it expects", async ({
    openProducer,
    texts,
  }) => {
    const { append } = await openProducer("job");
    assert.deepEqual(await append(2, ["f2"]), { code: "gap", expected: 1 });
    await append(1, frames(1, 2));
    assert.deepEqual(await append(4, frames(4, 6)), { code: "gap", expected: 3 });
    assert.deepEqual(await append(4, ["f4"], { end: { status: "done" } }), { code: "gap", expected: 3 });
    assert.deepEqual(await texts("job"), frames(1, 2));
  });

  test("append MUST skip frames that are already stored", async ({ openProducer, texts }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 3));
    assert.deepEqual(await append(1, frames(1, 3)), { code: "ok", last: 3 });
    assert.deepEqual(await append(1, ["other"]), { code: "ok", last: 3 });
    assert.deepEqual(await append(2, ["other", "other", "f4", "f5"]), { code: "ok", last: 5 });
    assert.deepEqual(await texts("job"), frames(1, 5));
  });

  test("append MUST renew the lease, also without frames", async ({ openProducer, meta }) => {
    const { append } = await openProducer("job", { leaseMs: SHORT });
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 0 });
    assert((await meta("job")).leaseLeftMs > SHORT);
    await append(1, ["f1"], { leaseMs: 2 * LONG });
    assert((await meta("job")).leaseLeftMs > LONG);
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 1 });
    assert((await meta("job")).leaseLeftMs <= LONG);
  });

  test("append MUST refuse any other epoch or fence than the producer's", async ({
    store,
    openProducer,
    texts,
  }) => {
    const { fence } = await openProducer("job");
    const refused = { code: "fenced", fence };
    for (const wrong of [
      { epoch: EPOCH, fence: fence - 1 },
      { epoch: EPOCH, fence: fence + 1 },
      { epoch: NEXT_EPOCH, fence },
    ]) {
      const { append } = producer(store, "job", wrong);
      assert.deepEqual(await append(1, ["f1"]), refused);
      assert.deepEqual(await append(undefined, []), refused);
      assert.deepEqual(await append(1, [], { end: { status: "done" } }), refused);
    }
    assert.deepEqual(await texts("job"), []);
  });

  test("append and read MUST return `missing` for an unknown id", async ({ store }) => {
    const { append } = producer(store, "job", { epoch: EPOCH, fence: 1 });
    assert.deepEqual(await append(1, ["f1"]), { code: "missing" });
    assert.deepEqual(await append(undefined, []), { code: "missing" });
    assert.deepEqual(await store.read("job", null, EVERYTHING), { code: "missing" });
  });

  test("append MUST store the frames byte for byte", async ({ store, openProducer }) => {
    const { epoch, fence } = await openProducer("job");
    const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const whole = Uint8Array.of(1, 2, 0xff, 0xfe, 5);
    const given = [
      allBytes,
      // Invalid UTF-8.
      Uint8Array.of(0xc3, 0x28, 0xed, 0xa0, 0x80),
      Uint8Array.of(0),
      new Uint8Array(0),
      // Syntax of the Redis protocol.
      Uint8Array.of(13, 10, 36, 42, 10),
      // A view of a part of a buffer.
      whole.subarray(2, 4),
      new Uint8Array(256 * 1024).fill(0x80),
    ];
    const times = { leaseMs: LONG, ttlMs: LONG };
    await store.append("job", { epoch, fence, from: 1, frames: given, ...times });
    const page = await store.read("job", null, EVERYTHING);
    assert(page.code === "ok");
    assert.equal(page.frames.length, given.length);
    for (const [index, frame] of page.frames.entries()) {
      assert(frame instanceof Uint8Array);
      assert.equal(Buffer.compare(frame, given[index] as Uint8Array), 0, `frame ${index}`);
    }
  });
}
