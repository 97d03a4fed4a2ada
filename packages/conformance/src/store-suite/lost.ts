import assert from "node:assert/strict";
import type { StoredEnd } from "@holdfast/core";
import { frames, SHORT, type StoreTest } from "./store-test.ts";

const LOST: StoredEnd = { status: "lost" };

export function testLost(test: StoreTest): void {
  test("lost MUST NOT end a stream whose lease has not expired", async ({ store, openProducer, meta }) => {
    const { fence } = await openProducer("job");
    assert.equal(await store.lost("job", fence, LOST), false);
    assert.equal((await meta("job")).end, undefined);
  });

  test("lost MUST end a stream whose lease has expired, for exactly one of the callers", async ({
    store,
    other,
    openProducer,
    meta,
    texts,
    until,
  }) => {
    const { append, fence } = await openProducer("job", { leaseMs: SHORT });
    await append(1, frames(1, 2), { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    const results = await Promise.all([
      store.lost("job", fence, LOST),
      other.lost("job", fence, LOST),
      store.lost("job", fence, LOST),
    ]);
    assert.equal(results.filter(Boolean).length, 1);
    assert.deepEqual((await meta("job")).end, LOST);
    assert.deepEqual(await append(3, ["f3"]), { code: "closed", end: LOST });
    assert.deepEqual(await append(3, [], { end: { status: "done" } }), { code: "closed", end: LOST });
    assert.deepEqual(await texts("job"), frames(1, 2));
  });

  test("lost MUST NOT end a stream that has another fence", async ({ store, openProducer, meta, until }) => {
    const { fence } = await openProducer("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal(await store.lost("job", fence + 1, LOST), false);
    assert.equal(await store.lost("job", fence - 1, LOST), false);
    assert.equal((await meta("job")).end, undefined);
    assert.equal(await store.lost("job", fence, LOST), true);
  });

  test("lost MUST NOT end a stream whose producer has renewed an expired lease", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const { append, fence } = await openProducer("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 0 });
    assert.equal(await store.lost("job", fence, LOST), false);
  });

  test("lost MUST return false for a stream that has ended and for an unknown id", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const { append, fence } = await openProducer("job", { leaseMs: SHORT });
    await append(1, [], { leaseMs: SHORT, end: { status: "done" } });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal(await store.lost("job", fence, LOST), false);
    assert.deepEqual((await meta("job")).end, { status: "done" });
    assert.equal(await store.lost("unknown", 1, LOST), false);
  });
}
