import assert from "node:assert/strict";
import type { StoredEnd } from "@holdfast/core";
import {
  type HarnessTest,
  CHANNEL,
  EVERYTHING,
  frames,
  LIFE,
  LONG,
  NEXT_LIFE,
  producer,
  SHORT,
} from "./harness.ts";

export function appending(test: HarnessTest): void {
  test("frames have the numbers that their producer gave them", async ({ store, produce, texts }) => {
    const { append } = await produce("job");
    assert.deepEqual(await append(1, ["f1"]), { code: "ok", last: 1 });
    assert.deepEqual(await append(2, frames(2, 4)), { code: "ok", last: 4 });
    assert.deepEqual(await texts("job"), frames(1, 4));
    const page = await store.read("job", { epoch: LIFE, seq: 2 }, EVERYTHING);
    assert(page.code === "ok");
    assert.equal(page.frames.length, 2);
  });

  test("appends that do not wait for each other keep their order", async ({ produce, texts }) => {
    const { append } = await produce("job");
    const appended = await Promise.all(frames(1, 50).map((frame, index) => append(index + 1, [frame])));
    assert.deepEqual(
      appended,
      appended.map((_, index) => ({ code: "ok", last: index + 1 })),
    );
    assert.deepEqual(await texts("job"), frames(1, 50));
  });

  test("a gap is refused as a whole", async ({ produce, texts }) => {
    const { append } = await produce("job");
    assert.deepEqual(await append(2, ["f2"]), { code: "gap", expected: 1 });
    await append(1, frames(1, 2));
    assert.deepEqual(await append(4, frames(4, 6)), { code: "gap", expected: 3 });
    assert.deepEqual(await append(4, ["f4"], { end: { status: "done" } }), { code: "gap", expected: 3 });
    assert.deepEqual(await texts("job"), frames(1, 2));
  });

  test("frames that are there already are passed over", async ({ produce, texts }) => {
    const { append } = await produce("job");
    await append(1, frames(1, 3));
    assert.deepEqual(await append(1, frames(1, 3)), { code: "ok", last: 3 });
    assert.deepEqual(await append(1, ["other"]), { code: "ok", last: 3 });
    assert.deepEqual(await append(2, ["other", "other", "f4", "f5"]), { code: "ok", last: 5 });
    assert.deepEqual(await texts("job"), frames(1, 5));
  });

  test("an append renews the lease, without frames too", async ({ produce, meta }) => {
    const { append } = await produce("job", { leaseMs: SHORT });
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 0 });
    assert((await meta("job")).leaseLeftMs > SHORT);
    await append(1, ["f1"], { leaseMs: 2 * LONG });
    assert((await meta("job")).leaseLeftMs > LONG);
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 1 });
    assert((await meta("job")).leaseLeftMs <= LONG);
  });

  test("who is not the producer is refused", async ({ store, produce, texts }) => {
    const { fence } = await produce("job");
    const refused = { code: "fenced", fence };
    for (const wrong of [
      { epoch: LIFE, fence: fence - 1 },
      { epoch: LIFE, fence: fence + 1 },
      { epoch: NEXT_LIFE, fence },
    ]) {
      const { append } = producer(store, "job", wrong);
      assert.deepEqual(await append(1, ["f1"]), refused);
      assert.deepEqual(await append(undefined, []), refused);
      assert.deepEqual(await append(1, [], { end: { status: "done" } }), refused);
    }
    assert.deepEqual(await texts("job"), []);
  });

  test("an unknown id is missing", async ({ store }) => {
    const { append } = producer(store, "job", { epoch: LIFE, fence: 1 });
    assert.deepEqual(await append(1, ["f1"]), { code: "missing" });
    assert.deepEqual(await append(undefined, []), { code: "missing" });
    assert.deepEqual(await store.read("job", null, EVERYTHING), { code: "missing" });
  });

  test("frames come back byte for byte", async ({ store, produce }) => {
    const { epoch, fence } = await produce("job");
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const whole = Uint8Array.of(1, 2, 0xff, 0xfe, 5);
    const given = [
      all,
      Uint8Array.of(0xc3, 0x28, 0xed, 0xa0, 0x80),
      Uint8Array.of(0),
      new Uint8Array(0),
      Uint8Array.of(13, 10, 36, 42, 10),
      whole.subarray(2, 4),
      new Uint8Array(256 * 1024).fill(0x80),
    ];
    const lives = { leaseMs: LONG, ttlMs: LONG };
    await store.append("job", { epoch, fence, from: 1, frames: given, ...lives });
    const page = await store.read("job", null, EVERYTHING);
    assert(page.code === "ok");
    assert.equal(page.frames.length, given.length);
    for (const [index, frame] of page.frames.entries()) {
      assert(frame instanceof Uint8Array);
      assert.equal(Buffer.compare(frame, given[index] as Uint8Array), 0, `frame ${index}`);
    }
  });
}

export function ending(test: HarnessTest): void {
  const END: StoredEnd = { status: "done" };

  test("the end comes with the last frames, in one step", async ({ store, produce }) => {
    const { append } = await produce("job");
    await append(1, ["f1"]);
    const [, ...pages] = await Promise.all([
      append(2, frames(2, 9), { end: END }),
      ...Array.from({ length: 20 }, () => store.read("job", null, EVERYTHING)),
    ]);
    const after = await store.read("job", null, EVERYTHING);
    assert(after.code === "ok");
    assert.deepEqual(after.meta.end, END);
    for (const page of [...pages, after]) {
      assert(page.code === "ok");
      assert.equal(page.frames.length, page.meta.last);
      assert.equal(page.meta.last, page.meta.end === undefined ? 1 : 9);
    }
  });

  test("an end that is repeated is told that it was there", async ({ produce, texts, meta }) => {
    const { append } = await produce("job");
    await append(1, frames(1, 2), { end: END });
    assert.deepEqual(await append(1, frames(1, 2), { end: END }), { code: "ok", last: 2 });
    assert.deepEqual(await append(3, [], { end: END }), { code: "ok", last: 2 });
    assert.deepEqual(await texts("job"), frames(1, 2));
    assert.deepEqual((await meta("job")).end, END);
  });

  test("behind the end there is nothing", async ({ produce, texts, meta }) => {
    const { append } = await produce("job");
    await append(1, ["f1"], { end: END });
    const closed = { code: "closed", end: END };
    assert.deepEqual(await append(2, ["f2"]), closed);
    assert.deepEqual(await append(2, ["f2"], { end: END }), closed);
    assert.deepEqual(await append(2, [], { end: { status: "failed" } }), closed);
    assert.deepEqual(await append(undefined, []), closed);
    assert.deepEqual(await texts("job"), ["f1"]);
    assert.deepEqual((await meta("job")).end, END);
  });

  test("a stream may end without a frame", async ({ produce, meta }) => {
    const { append } = await produce("job");
    assert.deepEqual(await append(1, [], { end: END }), { code: "ok", last: 0 });
    assert.deepEqual(await append(1, [], { end: END }), { code: "ok", last: 0 });
    const { first, last, end } = await meta("job");
    assert.deepEqual([first, last, end], [1, 0, END]);
  });

  test("what of a failure is public is kept", async ({ produce, meta }) => {
    const errors = [
      { code: "SOURCE_FAILED", message: "„Ünï“ 💥\n{}%", retryable: false },
      { code: "LIMIT_EXCEEDED", message: "", retryable: true, retryAfter: 1_500 },
    ];
    for (const [index, error] of errors.entries()) {
      const end: StoredEnd = { status: "failed", error };
      const { append } = await produce(`job ${index}`);
      await append(1, [], { end });
      assert.deepEqual((await meta(`job ${index}`)).end, end);
      assert.deepEqual(await append(2, ["f2"]), { code: "closed", end });
      assert.equal((await append(1, [], { end: structuredClone(end) })).code, "ok");
    }
  });
}

export function channels(test: HarnessTest): void {
  test("a channel's frames are numbered by the store", async ({ store, other, texts }) => {
    await store.open("room", CHANNEL);
    const here = producer(store, "room", { epoch: LIFE, fence: 0 });
    const there = producer(other, "room", { epoch: LIFE, fence: 0 });
    assert.deepEqual(await here.append(undefined, ["f1"]), { code: "ok", last: 1 });
    assert.deepEqual(await there.append(undefined, ["f2", "f3"]), { code: "ok", last: 3 });
    assert.deepEqual(await here.append(undefined, ["f4"]), { code: "ok", last: 4 });
    assert.deepEqual(await texts("room"), frames(1, 4));
  });

  test("a batch that is repeated, or older, is passed over", async ({ store, texts }) => {
    await store.open("room", CHANNEL);
    const { append } = producer(store, "room", { epoch: LIFE, fence: 0 });
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

  test("the batches of an earlier life do not count", async ({ store, texts }) => {
    await store.open("room", CHANNEL);
    const batch = { producer: "one", number: 5 };
    const old = producer(store, "room", { epoch: LIFE, fence: 0 });
    await old.append(undefined, ["old"], { batch });
    await store.delete("room");
    assert.deepEqual(await old.append(undefined, ["old"], { batch }), { code: "missing" });

    await store.open("room", { ...CHANNEL, epoch: NEXT_LIFE });
    assert.deepEqual(await old.append(undefined, ["old"], { batch }), { code: "fenced", fence: 0 });
    const next = producer(store, "room", { epoch: NEXT_LIFE, fence: 0 });
    await next.append(undefined, ["new"], { batch: { ...batch, number: 1 } });
    assert.deepEqual(await texts("room"), ["new"]);
  });

  test("many producers push at once: each in its order, nothing twice", async ({ store, other, texts }) => {
    await store.open("room", CHANNEL);
    const names = ["a", "b", "c", "d"];
    const numbers = Array.from({ length: 25 }, (_, index) => index + 1);
    await Promise.all(
      names.flatMap((name, index) => {
        const { append } = producer(index % 2 ? store : other, "room", { epoch: LIFE, fence: 0 });
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

  test("a channel is neither cancelled nor lost", async ({ store, meta }) => {
    await store.open("room", CHANNEL);
    assert.equal(await store.cancel("room", "why"), false);
    assert.equal(await store.lost("room", 0, { status: "lost" }), false);
    const { end, cancel } = await meta("room");
    assert.deepEqual([end, cancel], [undefined, undefined]);
  });
}
