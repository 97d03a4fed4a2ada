import assert from "node:assert/strict";
import type { PublicError, StoredEnd } from "@holdfast/core";
import { frames, LONG, NEXT_EPOCH, SHORT, STREAM, type StoreTest } from "./store-test.ts";

const LOST: StoredEnd = { status: "lost" };
const ERROR: PublicError = {
  code: "SOURCE_FAILED",
  message: "The stream failed.",
  retryable: true,
  retryAfter: 5,
};

export function testInterruption(test: StoreTest): void {
  test("a stream MUST keep the retry window of its open", async ({ openProducer, meta }) => {
    await openProducer("job", { retryWindowMs: LONG });
    assert.equal((await meta("job")).retryWindowMs, LONG);
    await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    assert.equal((await meta("job")).retryWindowMs, undefined);
  });

  test("lost MUST NOT end a stream before its retry window is over", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const { fence } = await openProducer("job", { leaseMs: SHORT, retryWindowMs: LONG });
    await until(async () => (await meta("job")).leaseLeftMs < -SHORT);
    assert.equal(await store.lost("job", fence, LOST), false);

    const short = await openProducer("short", { leaseMs: SHORT, retryWindowMs: SHORT });
    await until(() => store.lost("short", short.fence, LOST));
    assert((await meta("short")).leaseLeftMs <= -SHORT);
    assert.deepEqual((await meta("short")).end, LOST);
  });

  test("an append with `interrupt` MUST give up the lease behind its frames, with the window and the error", async ({
    openProducer,
    meta,
    texts,
  }) => {
    const { append } = await openProducer("job", { retryWindowMs: 5 });
    const interrupt = { retryWindowMs: LONG, error: ERROR };
    assert.deepEqual(await append(1, frames(1, 2), { interrupt }), { code: "ok", last: 2 });
    const { leaseLeftMs, retryWindowMs, error, end } = await meta("job");
    assert(leaseLeftMs <= 0);
    assert.deepEqual([retryWindowMs, error, end], [LONG, ERROR, undefined]);
    assert.deepEqual(await texts("job"), frames(1, 2));
  });

  test("an append with `interrupt` that is repeated MUST change nothing but the deadline", async ({
    openProducer,
    meta,
    texts,
  }) => {
    const { append } = await openProducer("job");
    const interrupt = { retryWindowMs: LONG };
    await append(1, ["f1"], { interrupt });
    assert.deepEqual(await append(1, ["f1"], { interrupt }), { code: "ok", last: 1 });
    assert.equal((await meta("job")).error, undefined);
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("a producer that appends again MUST have its lease back, without the error", async ({
    openProducer,
    meta,
  }) => {
    const { append } = await openProducer("job");
    await append(1, [], { interrupt: { retryWindowMs: LONG, error: ERROR } });
    assert.deepEqual(await append(1, ["f1"]), { code: "ok", last: 1 });
    const { leaseLeftMs, error } = await meta("job");
    assert(leaseLeftMs > 0);
    assert.equal(error, undefined);
  });

  test("open MUST continue, replace or refuse an interrupted stream as `ifExists` says", async ({
    store,
    openProducer,
    meta,
  }) => {
    for (const [id, ifExists, last] of [
      ["kept", "append", 1],
      ["replaced", "replace", 0],
    ] as const) {
      const { append, fence } = await openProducer(id);
      await append(1, ["f1"], { interrupt: { retryWindowMs: LONG, error: ERROR } });
      assert.equal((await store.open(id, { ...STREAM, epoch: NEXT_EPOCH })).role, "reader");
      const next = await openProducer(id, { epoch: NEXT_EPOCH, ifExists, retryWindowMs: 7 });
      assert.equal(next.last, last);
      assert(next.fence > fence);
      const { leaseLeftMs, retryWindowMs, error } = await meta(id);
      assert(leaseLeftMs > 0);
      assert.deepEqual([retryWindowMs, error], [7, undefined]);
    }
  });

  test("an end MUST close an interrupted stream, by the fence of its last producer", async ({
    openProducer,
    meta,
  }) => {
    const { append } = await openProducer("job");
    await append(1, ["f1"], { interrupt: { retryWindowMs: LONG } });
    const end = { status: "cancelled" } as const;
    assert.deepEqual(await append(undefined, [], { end }), { code: "ok", last: 1 });
    assert.deepEqual((await meta("job")).end, end);
  });
}
