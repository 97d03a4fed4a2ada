import assert from "node:assert/strict";
import { EPOCH, EVERYTHING, frames, NEXT_EPOCH, type StoreTest, text } from "./store-test.ts";

export function testRead(test: StoreTest): void {
  test("read MUST return the frames after the cursor", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 5));
    for (let seq = 0; seq <= 5; seq++) {
      const page = await store.read("job", { epoch: EPOCH, seq }, EVERYTHING);
      assert(page.code === "ok");
      assert.deepEqual(page.frames.map(text), frames(seq + 1, 5));
      assert.equal(page.meta.last, 5);
    }
  });

  test("read MUST NOT return more frames than the limit", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 200));
    const read: string[] = [];
    while (read.length < 200) {
      const page = await store.read("job", { epoch: EPOCH, seq: read.length }, { ...EVERYTHING, frames: 37 });
      assert(page.code === "ok");
      assert.equal(page.frames.length, Math.min(37, 200 - read.length));
      read.push(...page.frames.map(text));
    }
    assert.deepEqual(read, frames(1, 200));
    const first = await store.read("job", null, { ...EVERYTHING, frames: 1 });
    assert(first.code === "ok");
    assert.deepEqual(first.frames.map(text), ["f1"]);
  });

  test("read MUST return about as many bytes as the limit, and at least one frame", async ({
    store,
    openProducer,
  }) => {
    const { append } = await openProducer("job");
    await append(
      1,
      Array.from({ length: 50 }, () => "x".repeat(1_000)),
    );
    const countFrames = async (bytes: number): Promise<number> => {
      const page = await store.read("job", null, { frames: 1_000, bytes });
      assert(page.code === "ok");
      return page.frames.length;
    };
    assert.equal(await countFrames(1), 1);
    const some = await countFrames(10_000);
    assert(some >= 5 && some <= 15, `${some} frames`);
    assert.equal(await countFrames(1_000_000), 50);
  });

  test("read MUST return `epoch` for a cursor of another epoch", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 3));
    for (const seq of [0, 2, 3, 9]) {
      const page = await store.read("job", { epoch: NEXT_EPOCH, seq }, EVERYTHING);
      assert(page.code === "epoch");
      assert.equal(page.meta.epoch, EPOCH);
    }
  });

  test("read MUST return `ahead` for a cursor after the last frame", async ({ store, openProducer }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 3));
    const page = await store.read("job", { epoch: EPOCH, seq: 4 }, EVERYTHING);
    assert(page.code === "ahead");
    assert.equal(page.meta.last, 3);
  });

  test("read MUST return `trimmed` for a cursor before the oldest frame, and `keep` frames MUST be kept", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const keep = 50;
    const { append } = await openProducer("job", { keep });
    let last = 0;
    await until(async () => {
      await append(last + 1, frames(last + 1, last + 50));
      last += 50;
      return (await meta("job")).first > 1;
    });
    const { first } = await meta("job");
    assert(last - first + 1 >= keep, `only ${last - first + 1} are kept`);
    assert.equal((await meta("job")).last, last);

    for (const seq of [0, first - 2]) {
      const page = await store.read("job", { epoch: EPOCH, seq }, EVERYTHING);
      assert(page.code === "trimmed");
      assert.equal(page.meta.first, first);
    }
    for (const after of [null, { epoch: EPOCH, seq: first - 1 }]) {
      const page = await store.read("job", after, EVERYTHING);
      assert(page.code === "ok");
      assert.deepEqual(page.frames.map(text), frames(first, last));
    }
    assert.deepEqual(await append(1, frames(1, 2)), { code: "ok", last });
  });
}
