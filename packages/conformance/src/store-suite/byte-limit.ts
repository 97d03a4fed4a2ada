import assert from "node:assert/strict";
import type { Store } from "@holdfast/core";
import {
  CHANNEL,
  EPOCH,
  EVERYTHING,
  NEXT_EPOCH,
  producer,
  type StoreTest,
  text,
  THIRD_EPOCH,
} from "./store-test.ts";

const KEEP_BYTES = 20_000;
/** The size of the largest frame that {@link randomFrames} returns. */
const LARGEST = 2_000;

/** Frames of different sizes, each of which begins with its number: the same ones in every run. */
function randomFrames(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const seq = from + index;
    const size = ((seq * 7_919) % 97) ** 2 % LARGEST;
    return `f${seq} `.padEnd(size, "x");
  });
}

const sizeOf = (frames: readonly string[]): number => frames.reduce((sum, frame) => sum + frame.length, 0);

/** Checks that `all`, everything that was appended, is kept as far as `keepBytes` says. Returns how many frames are. */
async function checkKept(store: Store, id: string, all: readonly string[]): Promise<number> {
  const page = await store.read(id, null, EVERYTHING);
  assert(page.code === "ok");
  const { first, last } = page.meta;
  const kept = page.frames.map(text);
  assert.equal(last, all.length);
  assert.deepEqual(kept, all.slice(first - 1));

  assert(kept.length > 0, "not even the newest frame is kept");
  const lost = first > 1 ? all.slice(first - 2) : kept;
  assert(sizeOf(lost) > KEEP_BYTES || first === 1, `frame ${first - 1} would fit, but it is gone`);
  assert(sizeOf(kept) <= 2 * KEEP_BYTES + 2 * LARGEST, `${sizeOf(kept)} bytes are kept`);
  return kept.length;
}

export function testByteLimit(test: StoreTest): void {
  test("the newest frames that fit `keepBytes` MUST be kept, and not many more", async ({
    store,
    openProducer,
  }) => {
    const { append } = await openProducer("job", { keepBytes: KEEP_BYTES });
    const all: string[] = [];
    for (const count of [1, 1, 3, 20, 1, 2, 30, 7, 1, 1, 1, 100, 5, 5, 1, 1]) {
      const frames = randomFrames(all.length + 1, count);
      assert.deepEqual(await append(all.length + 1, frames), { code: "ok", last: all.length + count });
      all.push(...frames);
      await checkKept(store, "job", all);
    }
    assert((await checkKept(store, "job", all)) < all.length, "nothing was trimmed");
  });

  test("read MUST return `trimmed` for a cursor before the frames that fit `keepBytes`", async ({
    store,
    openProducer,
    meta,
  }) => {
    const { append } = await openProducer("job", { keepBytes: KEEP_BYTES });
    for (let seq = 1; seq <= 100; seq++) await append(seq, randomFrames(seq, 1));
    const { first } = await meta("job");
    assert(first > 1, "nothing was trimmed");
    for (const seq of [0, first - 2]) {
      const page = await store.read("job", { epoch: EPOCH, seq }, EVERYTHING);
      assert(page.code === "trimmed");
      assert.equal(page.meta.first, first);
    }
    const page = await store.read("job", { epoch: EPOCH, seq: first - 1 }, EVERYTHING);
    assert(page.code === "ok");
    assert.deepEqual(page.frames.map(text), randomFrames(first, 101 - first));
    assert.deepEqual(await append(1, randomFrames(1, 2)), { code: "ok", last: 100 });
  });

  test("the newest frame MUST be kept, also when it is larger than `keepBytes`", async ({
    openProducer,
    texts,
  }) => {
    const { append } = await openProducer("job", { keepBytes: 1 });
    for (let seq = 1; seq <= 20; seq++) {
      const frame = `f${seq}`.padEnd(10_000, "x");
      await append(seq, [frame]);
      const kept = await texts("job");
      assert.equal(kept.at(-1), frame);
      assert(kept.length <= 3, `${kept.length} frames are kept`);
    }
  });

  test("`keep` and `keepBytes` MUST both limit a stream", async ({ store, openProducer, meta, until }) => {
    const { append } = await openProducer("job", { keep: 50, keepBytes: KEEP_BYTES });
    const all: string[] = [];
    const add = async (frames: readonly string[]): Promise<void> => {
      await append(all.length + 1, frames);
      all.push(...frames);
    };
    // Small frames, which fit: their number is the limit.
    await until(async () => {
      await add(Array.from({ length: 50 }, () => "f"));
      return (await meta("job")).first > 1;
    });
    const { first, last } = await meta("job");
    assert(last - first + 1 >= 50, `only ${last - first + 1} are kept`);
    // Large ones: less than `keep`.
    for (let count = 0; count < 60; count++) await add(["x".repeat(1_900)]);
    const kept = await checkKept(store, "job", all);
    assert(kept < 50, `${kept} are kept`);
  });

  test("`keepBytes` MUST limit a channel", async ({ store, other }) => {
    await store.open("room", { ...CHANNEL, keepBytes: KEEP_BYTES });
    const all: string[] = [];
    for (let number = 1; number <= 60; number++) {
      const { append } = producer(number % 2 ? store : other, "room", { epoch: EPOCH, fence: 0 });
      const frames = randomFrames(all.length + 1, 3);
      const batch = { producer: number % 2 ? "one" : "two", number };
      await append(undefined, frames, { batch });
      // A batch that is repeated counts once.
      await append(undefined, frames, { batch });
      all.push(...frames);
      await checkKept(store, "room", all);
    }
    assert((await checkKept(store, "room", all)) < all.length, "nothing was trimmed");
  });

  test("`keepBytes` MUST limit a stream that is opened with `append` again and again", async ({
    store,
    openProducer,
  }) => {
    const all: string[] = [];
    for (let number = 0; number < 12; number++) {
      const epoch = `epoch${10_000 + number}`;
      const open = { epoch, ifExists: "append" as const, keepBytes: KEEP_BYTES };
      const { append } = await openProducer("job", open);
      const frames = randomFrames(all.length + 1, 9);
      await append(all.length + 1, frames);
      all.push(...frames);
      await checkKept(store, "job", all);
    }
    assert((await checkKept(store, "job", all)) < all.length, "nothing was trimmed");
  });

  test("the `keepBytes` of the last open MUST count, and the frames of this life only", async ({
    store,
    openProducer,
    texts,
  }) => {
    const first = await openProducer("job");
    await first.append(1, randomFrames(1, 100));
    assert.equal((await texts("job")).length, 100);

    const second = await openProducer("job", {
      epoch: NEXT_EPOCH,
      ifExists: "append",
      keepBytes: KEEP_BYTES,
    });
    const all = randomFrames(1, 160);
    for (let seq = 101; seq <= 160; seq++) await second.append(seq, all.slice(seq - 1, seq));
    assert((await checkKept(store, "job", all)) < 100, "nothing was trimmed");

    const third = await openProducer("job", {
      epoch: THIRD_EPOCH,
      ifExists: "replace",
      keepBytes: KEEP_BYTES,
    });
    for (let seq = 1; seq <= 20; seq++) {
      await third.append(seq, all.slice(seq - 1, seq));
      await checkKept(store, "job", all.slice(0, seq));
    }
  });
}
