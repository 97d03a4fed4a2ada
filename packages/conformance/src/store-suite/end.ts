import assert from "node:assert/strict";
import type { StoredEnd } from "@holdfast/core";
import { EVERYTHING, frames, type StoreTest } from "./store-test.ts";

const END: StoredEnd = { status: "done" };

export function testEnd(test: StoreTest): void {
  test("an append with an end MUST store the frames and the end in one step", async ({
    store,
    openProducer,
  }) => {
    const { append } = await openProducer("job");
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

  test("an append with an end that is repeated MUST return `ok`", async ({ openProducer, texts, meta }) => {
    const { append } = await openProducer("job");
    await append(1, frames(1, 2), { end: END });
    assert.deepEqual(await append(1, frames(1, 2), { end: END }), { code: "ok", last: 2 });
    assert.deepEqual(await append(3, [], { end: END }), { code: "ok", last: 2 });
    assert.deepEqual(await texts("job"), frames(1, 2));
    assert.deepEqual((await meta("job")).end, END);
  });

  test("an append after the end MUST be refused with `closed`", async ({ openProducer, texts, meta }) => {
    const { append } = await openProducer("job");
    await append(1, ["f1"], { end: END });
    const closed = { code: "closed", end: END };
    assert.deepEqual(await append(2, ["f2"]), closed);
    assert.deepEqual(await append(2, ["f2"], { end: END }), closed);
    assert.deepEqual(await append(2, [], { end: { status: "failed" } }), closed);
    assert.deepEqual(await append(undefined, []), closed);
    assert.deepEqual(await texts("job"), ["f1"]);
    assert.deepEqual((await meta("job")).end, END);
  });

  test("an append with an end MUST work for a stream without frames", async ({ openProducer, meta }) => {
    const { append } = await openProducer("job");
    assert.deepEqual(await append(1, [], { end: END }), { code: "ok", last: 0 });
    assert.deepEqual(await append(1, [], { end: END }), { code: "ok", last: 0 });
    const { first, last, end } = await meta("job");
    assert.deepEqual([first, last, end], [1, 0, END]);
  });

  test("an end MUST keep its error unchanged", async ({ openProducer, meta }) => {
    const errors = [
      { code: "SOURCE_FAILED", message: "„Ünï“ 💥\n{}%", retryable: false },
      { code: "LIMIT_EXCEEDED", message: "", retryable: true, retryAfter: 1_500 },
    ];
    for (const [index, error] of errors.entries()) {
      const end: StoredEnd = { status: "failed", error };
      const { append } = await openProducer(`job ${index}`);
      await append(1, [], { end });
      assert.deepEqual((await meta(`job ${index}`)).end, end);
      assert.deepEqual(await append(2, ["f2"]), { code: "closed", end });
      assert.equal((await append(1, [], { end: structuredClone(end) })).code, "ok");
    }
  });
}
