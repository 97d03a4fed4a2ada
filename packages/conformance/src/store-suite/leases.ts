import assert from "node:assert/strict";
import type { StoredEnd } from "@holdfast/core";
import { type HarnessTest, frames, SHORT } from "./harness.ts";

export function leases(test: HarnessTest): void {
  const LOST: StoredEnd = { status: "lost" };

  test("a stream whose producer is alive is not lost", async ({ store, produce, meta }) => {
    const { fence } = await produce("job");
    assert.equal(await store.lost("job", fence, LOST), false);
    assert.equal((await meta("job")).end, undefined);
  });

  test("one of all who see the lease run out ends it", async ({
    store,
    other,
    produce,
    meta,
    texts,
    until,
  }) => {
    const { append, fence } = await produce("job", { leaseMs: SHORT });
    await append(1, frames(1, 2), { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    const answers = await Promise.all([
      store.lost("job", fence, LOST),
      other.lost("job", fence, LOST),
      store.lost("job", fence, LOST),
    ]);
    assert.equal(answers.filter(Boolean).length, 1);
    assert.deepEqual((await meta("job")).end, LOST);
    assert.deepEqual(await append(3, ["f3"]), { code: "closed", end: LOST });
    assert.deepEqual(await append(3, [], { end: { status: "done" } }), { code: "closed", end: LOST });
    assert.deepEqual(await texts("job"), frames(1, 2));
  });

  test("only the producer that was seen is lost", async ({ store, produce, meta, until }) => {
    const { fence } = await produce("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal(await store.lost("job", fence + 1, LOST), false);
    assert.equal(await store.lost("job", fence - 1, LOST), false);
    assert.equal((await meta("job")).end, undefined);
    assert.equal(await store.lost("job", fence, LOST), true);
  });

  test("a producer that comes back in time keeps its stream", async ({ store, produce, meta, until }) => {
    const { append, fence } = await produce("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 0 });
    assert.equal(await store.lost("job", fence, LOST), false);
  });

  test("what has ended, or is unknown, is not lost", async ({ store, produce, meta, until }) => {
    const { append, fence } = await produce("job", { leaseMs: SHORT });
    await append(1, [], { leaseMs: SHORT, end: { status: "done" } });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal(await store.lost("job", fence, LOST), false);
    assert.deepEqual((await meta("job")).end, { status: "done" });
    assert.equal(await store.lost("nobody", 1, LOST), false);
  });
}

export function cancelling(test: HarnessTest): void {
  test("a producer is told with its next append", async ({ other, produce, meta, texts }) => {
    const { append } = await produce("job");
    assert.equal(await other.cancel("job", "user"), true);
    assert.equal((await meta("job")).cancel, "user");
    assert.deepEqual(await append(1, ["f1"]), { code: "ok", last: 1, cancel: "user" });
    assert.deepEqual(await append(undefined, []), { code: "ok", last: 1, cancel: "user" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("the first reason stays, an empty one too", async ({ store, produce, meta }) => {
    await produce("job");
    assert.equal(await store.cancel("job", ""), true);
    assert.equal(await store.cancel("job", "later"), true);
    assert.equal((await meta("job")).cancel, "");
  });

  test("who takes the stream over is told as well", async ({ store, produce }) => {
    await produce("job");
    await store.cancel("job", "user");
    const taken = await produce("job", { epoch: "bbbbbbbbbb", takeover: true });
    assert.deepEqual(await taken.append(1, ["f1"]), { code: "ok", last: 1, cancel: "user" });
  });

  test("what has ended, or is unknown, is not cancelled", async ({ store, produce, meta }) => {
    const { append } = await produce("job");
    await append(1, [], { end: { status: "done" } });
    assert.equal(await store.cancel("job", "user"), false);
    assert.equal((await meta("job")).cancel, undefined);
    assert.equal(await store.cancel("nobody", "user"), false);
  });

  test("a new life is not cancelled", async ({ store, produce, meta }) => {
    const { append } = await produce("job");
    await store.cancel("job", "user");
    await append(1, [], { end: { status: "cancelled" } });
    await produce("job", { epoch: "bbbbbbbbbb" });
    assert.equal((await meta("job")).cancel, undefined);
  });
}
