import assert from "node:assert/strict";
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
  STREAM,
  THIRD_LIFE,
} from "./harness.ts";

export function opening(test: HarnessTest): void {
  test("an id that nobody has is the caller's", async ({ store, meta, texts }) => {
    const opened = await store.open("job", STREAM);
    assert(opened.role === "producer");
    assert.equal(opened.epoch, LIFE);
    assert.equal(opened.last, 0);
    assert(opened.fence >= 1);

    const { leaseLeftMs, ...known } = await meta("job");
    assert.deepEqual(known, { kind: "stream", epoch: LIFE, first: 1, last: 0, fence: opened.fence });
    assert(leaseLeftMs > 0 && leaseLeftMs <= LONG);
    assert.deepEqual(await texts("job"), []);
  });

  test("a live one is somebody else's: the caller is told of it", async ({ store, other, produce }) => {
    const { append, fence } = await produce("job");
    await append(1, ["f1"]);
    const opened = await other.open("job", { ...STREAM, epoch: NEXT_LIFE });
    assert(opened.role === "reader");
    assert.equal(opened.meta.epoch, LIFE);
    assert.equal(opened.meta.last, 1);
    assert.equal(opened.meta.fence, fence);
    assert.equal((await store.read("job", null, EVERYTHING)).code, "ok");
  });

  test("one whose lease is over is still somebody else's", async ({ store, produce, meta, until }) => {
    await produce("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal((await store.open("job", { ...STREAM, epoch: NEXT_LIFE })).role, "reader");
  });

  test("what has ended gives way to a new life", async ({ store, produce, texts }) => {
    const old = await produce("job");
    await old.append(1, ["f1"], { end: { status: "done" } });

    const { epoch, fence, last, append } = await produce("job", { epoch: NEXT_LIFE });
    assert.deepEqual([epoch, last], [NEXT_LIFE, 0]);
    assert(fence > old.fence);
    assert.deepEqual(await texts("job"), []);
    assert.equal((await store.read("job", { epoch: LIFE, seq: 1 }, EVERYTHING)).code, "epoch");
    assert.equal((await old.append(2, ["f2"])).code, "fenced");
    assert.deepEqual(await append(1, ["new"]), { code: "ok", last: 1 });
    assert.deepEqual(await texts("job"), ["new"]);
  });

  test("an open that comes again changes nothing", async ({ store, produce, texts }) => {
    const first = await store.open("job", STREAM);
    assert.deepEqual(await store.open("job", STREAM), first);

    const { append } = await produce("job");
    await append(1, ["f1"]);
    assert.deepEqual(await store.open("job", STREAM), { ...first, last: 1 });

    await append(2, [], { end: { status: "done" } });
    const late = await store.open("job", STREAM);
    assert(late.role === "reader");
    assert.deepEqual(late.meta.end, { status: "done" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("a takeover fences the producer off; epoch and frames stay", async ({ store, produce, texts }) => {
    const old = await produce("job", { leaseMs: SHORT });
    await old.append(1, frames(1, 2));

    const taken = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    assert.deepEqual([taken.epoch, taken.last], [LIFE, 2]);
    assert(taken.fence > old.fence);
    assert.deepEqual(await old.append(3, ["old"]), { code: "fenced", fence: taken.fence });
    assert.deepEqual(await taken.append(3, ["new"]), { code: "ok", last: 3 });
    assert.deepEqual(await texts("job"), ["f1", "f2", "new"]);
    assert.equal(await store.lost("job", old.fence, { status: "lost" }), false);
  });

  test("a takeover that comes again fences nobody off", async ({ produce }) => {
    await produce("job");
    const taken = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    const again = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    assert.equal(again.fence, taken.fence);
    const next = await produce("job", { epoch: THIRD_LIFE, takeover: true });
    assert(next.fence > taken.fence);
  });

  test("a takeover renews the lease", async ({ produce, meta, until }) => {
    await produce("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    await produce("job", { epoch: NEXT_LIFE, takeover: true });
    assert((await meta("job")).leaseLeftMs > SHORT);
  });

  test("a takeover of what nobody has is a plain open", async ({ produce }) => {
    const { epoch, last } = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    assert.deepEqual([epoch, last], [NEXT_LIFE, 0]);
  });

  test("a channel is everybody's", async ({ other, store, meta }) => {
    assert.deepEqual(await store.open("room", CHANNEL), { role: "producer", epoch: LIFE, fence: 0, last: 0 });
    assert.deepEqual(await other.open("room", { ...CHANNEL, epoch: NEXT_LIFE }), {
      role: "producer",
      epoch: LIFE,
      fence: 0,
      last: 0,
    });
    const { kind, fence, leaseLeftMs } = await meta("room");
    assert.deepEqual([kind, fence, leaseLeftMs], ["channel", 0, Infinity]);
  });

  test("an id is of one kind", async ({ store, produce }) => {
    await produce("job");
    await store.open("room", CHANNEL);
    for (const takeover of [false, true]) {
      const channel = await store.open("job", { ...CHANNEL, epoch: NEXT_LIFE, takeover });
      assert(channel.role === "reader");
      assert.equal(channel.meta.kind, "stream");
      const stream = await store.open("room", { ...STREAM, epoch: NEXT_LIFE, takeover });
      assert(stream.role === "reader");
      assert.equal(stream.meta.kind, "channel");
    }
  });

  test("a stream that has ended gives way to a channel", async ({ store, produce, meta }) => {
    const { append } = await produce("job");
    await append(1, ["f1"], { end: { status: "done" } });
    const channel = await store.open("job", { ...CHANNEL, epoch: NEXT_LIFE });
    assert.deepEqual(channel, { role: "producer", epoch: NEXT_LIFE, fence: 0, last: 0 });
    assert.deepEqual(await meta("job"), {
      kind: "channel",
      epoch: NEXT_LIFE,
      first: 1,
      last: 0,
      fence: 0,
      leaseLeftMs: Infinity,
    });
  });

  test("what was deleted is unknown", async ({ store, produce }) => {
    const { append } = await produce("job");
    await append(1, ["f1"]);
    await store.delete("job");
    await store.delete("job");
    assert.deepEqual(await store.read("job", null, EVERYTHING), { code: "missing" });
    assert.deepEqual(await append(2, ["f2"]), { code: "missing" });
    assert.equal((await produce("job", { epoch: NEXT_LIFE })).last, 0);
  });

  test("what nobody appends to is forgotten in the end", async ({ store, produce, until }) => {
    await produce("job", { ttlMs: SHORT });
    await store.open("room", { ...CHANNEL, ttlMs: SHORT });
    await until(async () => (await store.read("job", null, EVERYTHING)).code === "missing");
    await until(async () => (await store.read("room", null, EVERYTHING)).code === "missing");
  });

  test("an append renews how long everything is kept", async ({ produce, pause, texts }) => {
    const { append } = await produce("job", { ttlMs: 500 });
    await append(1, ["f1"], { ttlMs: 500 });
    await append(2, ["f2"], { ttlMs: LONG });
    await pause(600);
    assert.deepEqual(await texts("job"), ["f1", "f2"]);
  });

  test("listening for health can be stopped, twice too", async ({ store }) => {
    const off = store.health(() => assert.fail("It is healthy."));
    await store.read("job", null, EVERYTHING);
    off();
    off();
  });
}

export function restoring(test: HarnessTest): void {
  test("a stream that the store lost as a whole goes on as it was", async ({ store, produce, texts }) => {
    const { fence } = await produce("job");
    const taken = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    await taken.append(1, frames(1, 3));
    await store.delete("job");

    assert.deepEqual(await taken.append(4, ["f4"]), { code: "missing" });
    const restored = await produce("job", { restoreFence: taken.fence });
    assert.deepEqual([restored.epoch, restored.fence, restored.last], [LIFE, taken.fence, 0]);
    assert.deepEqual(await taken.append(1, frames(1, 4)), { code: "ok", last: 4 });
    assert.deepEqual(await texts("job"), frames(1, 4));
    const old = producer(store, "job", { epoch: LIFE, fence });
    assert.equal((await old.append(5, ["old"])).code, "fenced");
  });

  test("it goes on behind what its producer has no more", async ({ store, produce, meta, texts }) => {
    const restored = await produce("job", { restoreFence: 3, restoreLast: 5 });
    assert.deepEqual([restored.fence, restored.last], [3, 5]);
    const { first, last } = await meta("job");
    assert.deepEqual([first, last], [6, 5]);
    assert.equal((await store.read("job", { epoch: LIFE, seq: 4 }, EVERYTHING)).code, "trimmed");
    assert.equal((await store.read("job", { epoch: LIFE, seq: 5 }, EVERYTHING)).code, "ok");
    assert.deepEqual(await restored.append(6, ["f6"]), { code: "ok", last: 6 });
    assert.deepEqual(await texts("job"), ["f6"]);
  });

  test("one that the store lost in part goes on too, without frames", async ({ produce, meta, texts }) => {
    const { append, fence } = await produce("job");
    await append(1, frames(1, 3));
    assert.deepEqual(await append(6, ["f6"]), { code: "gap", expected: 4 });
    const restored = await produce("job", { restoreFence: fence, restoreLast: 5 });
    assert.equal(restored.last, 5);
    assert.equal((await meta("job")).first, 6);
    await append(6, ["f6"]);
    assert.deepEqual(await texts("job"), ["f6"]);
  });

  test("one that lost its takeover goes on under its fence", async ({ produce, meta }) => {
    const old = await produce("job");
    await old.append(1, frames(1, 3));
    const restored = await produce("job", { restoreFence: old.fence + 1, restoreLast: 2 });
    assert.deepEqual([restored.fence, restored.last], [old.fence + 1, 2]);
    const { first, last } = await meta("job");
    assert.deepEqual([first, last], [3, 2]);
    assert.equal((await old.append(3, ["old"])).code, "fenced");
  });

  test("a restore that comes late takes nothing away", async ({ produce, texts }) => {
    const { append, fence } = await produce("job");
    await append(1, frames(1, 3));
    for (const restoreLast of [0, 2]) {
      const { last } = await produce("job", { restoreFence: fence, restoreLast });
      assert.equal(last, 3);
    }
    assert.deepEqual(await texts("job"), frames(1, 3));
  });

  test("another life, a higher fence or an end refuses it", async ({ store, produce, texts }) => {
    const { append, fence } = await produce("job");
    const restore = { ...STREAM, restoreFence: fence };
    assert.equal((await store.open("job", { ...restore, epoch: NEXT_LIFE })).role, "reader");
    const taken = await produce("job", { epoch: NEXT_LIFE, takeover: true });
    assert.equal((await store.open("job", restore)).role, "reader");
    assert.equal((await append(1, ["old"])).code, "fenced");

    await taken.append(1, ["f1"], { end: { status: "cancelled" } });
    const late = await store.open("job", { ...restore, restoreFence: taken.fence });
    assert(late.role === "reader");
    assert.deepEqual(late.meta.end, { status: "cancelled" });
    assert.deepEqual(await texts("job"), ["f1"]);
  });

  test("a channel is restored under its epoch", async ({ store }) => {
    const restore = { ...CHANNEL, restoreFence: 0, restoreLast: 7 };
    assert.deepEqual(await store.open("room", restore), { role: "producer", epoch: LIFE, fence: 0, last: 7 });
    const room = producer(store, "room", { epoch: LIFE, fence: 0 });
    assert.deepEqual(await room.append(undefined, ["f8"]), { code: "ok", last: 8 });
    assert.deepEqual(await store.open("room", restore), { role: "producer", epoch: LIFE, fence: 0, last: 8 });
  });
}
