import assert from "node:assert/strict";
import { CHANNEL, EPOCH, EVERYTHING, LONG, NEXT_EPOCH, SHORT, STREAM, type StoreTest } from "./store-test.ts";

export function testOpen(test: StoreTest): void {
  test("open MUST make the caller the producer of an unknown id", async ({ store, meta, texts }) => {
    const opened = await store.open("job", STREAM);
    assert(opened.role === "producer");
    assert.equal(opened.epoch, EPOCH);
    assert.equal(opened.last, 0);
    assert(opened.fence >= 1);

    const { leaseLeftMs, ...known } = await meta("job");
    assert.deepEqual(known, { kind: "stream", epoch: EPOCH, first: 1, last: 0, fence: opened.fence });
    assert(leaseLeftMs > 0 && leaseLeftMs <= LONG);
    assert.deepEqual(await texts("job"), []);
  });

  test("open MUST return the role `reader` and the meta of a stream that has a producer", async ({
    store,
    other,
    openProducer,
  }) => {
    const { append, fence } = await openProducer("job");
    await append(1, ["f1"]);
    const opened = await other.open("job", { ...STREAM, epoch: NEXT_EPOCH });
    assert(opened.role === "reader");
    assert.equal(opened.meta.epoch, EPOCH);
    assert.equal(opened.meta.last, 1);
    assert.equal(opened.meta.fence, fence);
    assert.equal((await store.read("job", null, EVERYTHING)).code, "ok");
  });

  test("open MUST NOT take a stream from its producer when the lease has expired", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    await openProducer("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal((await store.open("job", { ...STREAM, epoch: NEXT_EPOCH })).role, "reader");
  });

  test("open MUST replace a stream that has ended, with a new epoch and a higher fence", async ({
    store,
    openProducer,
    texts,
  }) => {
    const old = await openProducer("job");
    await old.append(1, ["f1"], { end: { status: "done" } });

    const { epoch, fence, last, append } = await openProducer("job", { epoch: NEXT_EPOCH });
    assert.deepEqual([epoch, last], [NEXT_EPOCH, 0]);
    assert(fence > old.fence);
    assert.deepEqual(await texts("job"), []);
    assert.equal((await store.read("job", { epoch: EPOCH, seq: 1 }, EVERYTHING)).code, "epoch");
    assert.equal((await old.append(2, ["f2"])).code, "fenced");
    assert.deepEqual(await append(1, ["new"]), { code: "ok", last: 1 });
    assert.deepEqual(await texts("job"), ["new"]);
  });

  test("open MUST change nothing when the same open is repeated", async ({ store, openProducer, texts }) => {
    const first = await store.open("job", STREAM);
    assert.deepEqual(await store.open("job", STREAM), first);

    const { append } = await openProducer("job");
    await append(1, ["f1"]);
    assert.deepEqual(await store.open("job", STREAM), { ...first, last: 1 });

    await append(2, [], { end: { status: "done" } });
    const late = await store.open("job", STREAM);
    assert(late.role === "reader");
    assert.deepEqual(late.meta.end, { status: "done" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("open MUST make every caller a producer of a channel, with the fence 0", async ({
    other,
    store,
    meta,
  }) => {
    assert.deepEqual(await store.open("room", CHANNEL), {
      role: "producer",
      epoch: EPOCH,
      fence: 0,
      last: 0,
    });
    assert.deepEqual(await other.open("room", { ...CHANNEL, epoch: NEXT_EPOCH }), {
      role: "producer",
      epoch: EPOCH,
      fence: 0,
      last: 0,
    });
    const { kind, fence, leaseLeftMs } = await meta("room");
    assert.deepEqual([kind, fence, leaseLeftMs], ["channel", 0, Infinity]);
  });

  test("open MUST return the role `reader` for an id of the other kind", async ({ store, openProducer }) => {
    await openProducer("job");
    await store.open("room", CHANNEL);
    for (const ifExists of ["throw", "replace", "append"] as const) {
      const channel = await store.open("job", { ...CHANNEL, epoch: NEXT_EPOCH, ifExists });
      assert(channel.role === "reader");
      assert.equal(channel.meta.kind, "stream");
      const stream = await store.open("room", { ...STREAM, epoch: NEXT_EPOCH, ifExists });
      assert(stream.role === "reader");
      assert.equal(stream.meta.kind, "channel");
    }
  });

  test("open MUST replace a stream that has ended with a channel", async ({ store, openProducer, meta }) => {
    const { append } = await openProducer("job");
    await append(1, ["f1"], { end: { status: "done" } });
    const channel = await store.open("job", { ...CHANNEL, epoch: NEXT_EPOCH });
    assert.deepEqual(channel, { role: "producer", epoch: NEXT_EPOCH, fence: 0, last: 0 });
    assert.deepEqual(await meta("job"), {
      kind: "channel",
      epoch: NEXT_EPOCH,
      first: 1,
      last: 0,
      fence: 0,
      leaseLeftMs: Infinity,
    });
  });
}
