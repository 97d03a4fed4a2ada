import assert from "node:assert/strict";
import {
  EPOCH,
  EVERYTHING,
  frames,
  NEXT_EPOCH,
  SHORT,
  STREAM,
  type StoreTest,
  THIRD_EPOCH,
} from "./store-test.ts";

const cursor = (epoch: string, seq: number) => ({ epoch, seq });

export function testIfExists(test: StoreTest): void {
  test("`append` MUST raise the fence, keep the frames, and begin the caller's epoch behind them", async ({
    store,
    openProducer,
    meta,
    texts,
  }) => {
    const old = await openProducer("job");
    await old.append(1, frames(1, 2));

    const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    assert.deepEqual([next.epoch, next.last, next.joints], [NEXT_EPOCH, 2, [{ epoch: EPOCH, last: 2 }]]);
    assert(next.fence > old.fence);
    const known = await meta("job");
    assert.deepEqual([known.epoch, known.joints, known.fence], [NEXT_EPOCH, next.joints, next.fence]);

    assert.deepEqual(await old.append(3, ["old"]), { code: "fenced", fence: next.fence });
    assert.deepEqual(await old.append(3, [], { end: { status: "done" } }), {
      code: "fenced",
      fence: next.fence,
    });
    assert.deepEqual(await next.append(3, ["f3"]), { code: "ok", last: 3 });
    assert.deepEqual(await texts("job"), frames(1, 3));
    assert.equal(await store.lost("job", old.fence, { status: "lost" }), false);
  });

  test("a cursor of an earlier epoch MUST be read up to its joint, and be `ahead` behind it", async ({
    store,
    openProducer,
  }) => {
    const old = await openProducer("job");
    await old.append(1, frames(1, 2));
    const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });
    await next.append(3, frames(3, 4));

    const count = async (epoch: string, seq: number): Promise<number | string> => {
      const page = await store.read("job", cursor(epoch, seq), EVERYTHING);
      return page.code === "ok" ? page.frames.length : page.code;
    };
    assert.deepEqual([await count(EPOCH, 0), await count(EPOCH, 2), await count(EPOCH, 3)], [4, 2, "ahead"]);
    assert.deepEqual([await count(NEXT_EPOCH, 1), await count(NEXT_EPOCH, 4)], [3, 0]);
    assert.deepEqual([await count(NEXT_EPOCH, 5), await count(THIRD_EPOCH, 1)], ["ahead", "epoch"]);
  });

  test("the last eight joints MUST be kept", async ({ store, openProducer, meta }) => {
    const epochs = Array.from({ length: 11 }, (_, index) => `epoch${index}xxxx`);
    for (const [index, epoch] of epochs.entries()) {
      const { append } = await openProducer("job", { epoch, ifExists: "append" });
      await append(index + 1, [`f${index + 1}`]);
    }
    const { joints } = await meta("job");
    assert.deepEqual(
      joints,
      epochs.slice(2, 10).map((epoch, index) => ({ epoch, last: index + 3 })),
    );
    const [, forgotten = "", oldest = ""] = epochs;
    assert.equal((await store.read("job", cursor(forgotten, 2), EVERYTHING)).code, "epoch");
    assert.equal((await store.read("job", cursor(oldest, 3), EVERYTHING)).code, "ok");
  });

  test("`replace` MUST begin a new life with a higher fence, without the frames", async ({
    store,
    openProducer,
    meta,
    texts,
  }) => {
    const first = await openProducer("job");
    await first.append(1, ["f1"]);
    const old = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append" });

    const next = await openProducer("job", { epoch: THIRD_EPOCH, ifExists: "replace" });
    assert.deepEqual([next.epoch, next.last, next.joints], [THIRD_EPOCH, 0, undefined]);
    assert(next.fence > old.fence);
    assert.equal((await meta("job")).joints, undefined);
    assert.deepEqual(await texts("job"), []);
    assert.equal((await store.read("job", cursor(EPOCH, 1), EVERYTHING)).code, "epoch");
    assert.equal((await old.append(2, ["old"])).code, "fenced");
    assert.deepEqual(await next.append(1, ["new"]), { code: "ok", last: 1 });
  });

  for (const ifExists of ["append", "replace"] as const) {
    test(`\`${ifExists}\` MUST change nothing when it is repeated`, async ({ openProducer, texts }) => {
      const old = await openProducer("job");
      await old.append(1, ["f1"]);
      const next = await openProducer("job", { epoch: NEXT_EPOCH, ifExists });
      await next.append(next.last + 1, ["f2"]);
      const known = await texts("job");
      const again = await openProducer("job", { epoch: NEXT_EPOCH, ifExists });
      assert.deepEqual([again.fence, again.joints], [next.fence, next.joints]);
      assert.deepEqual(await texts("job"), known);
      const third = await openProducer("job", { epoch: THIRD_EPOCH, ifExists });
      assert(third.fence > next.fence);
    });

    test(`\`${ifExists}\` MUST renew the lease`, async ({ openProducer, meta, until }) => {
      await openProducer("job", { leaseMs: SHORT });
      await until(async () => (await meta("job")).leaseLeftMs <= 0);
      await openProducer("job", { epoch: NEXT_EPOCH, ifExists });
      assert((await meta("job")).leaseLeftMs > SHORT);
    });

    test(`\`${ifExists}\` MUST open an unknown id, and a stream that is \`failed\`, \`expired\` or \`lost\``, async ({
      openProducer,
      texts,
    }) => {
      const opened = await openProducer("unknown", { epoch: NEXT_EPOCH, ifExists });
      assert.deepEqual([opened.epoch, opened.last], [NEXT_EPOCH, 0]);
      for (const status of ["failed", "expired", "lost"] as const) {
        const { append } = await openProducer(status);
        await append(1, ["f1"], { end: { status } });
        const { last, joints } = await openProducer(status, { epoch: NEXT_EPOCH, ifExists });
        assert.deepEqual([last, joints], [0, undefined]);
        assert.deepEqual(await texts(status), []);
      }
    });
  }

  test("`append` MUST return the role `reader` for a stream that is `done` or `cancelled`", async ({
    store,
    openProducer,
  }) => {
    for (const status of ["done", "cancelled"] as const) {
      const { append } = await openProducer(status);
      await append(1, ["f1"], { end: { status } });
      const opened = await store.open(status, { ...STREAM, epoch: NEXT_EPOCH, ifExists: "append" });
      assert(opened.role === "reader");
      assert.deepEqual(opened.meta.end, { status });
      assert.equal((await openProducer(status, { epoch: NEXT_EPOCH, ifExists: "replace" })).last, 0);
    }
  });

  test("`lapsedFence` MUST protect a producer that has renewed its lease, and any other producer", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const { append, fence } = await openProducer("job", { leaseMs: SHORT });
    const replace = { ...STREAM, epoch: NEXT_EPOCH, ifExists: "replace", lapsedFence: fence } as const;
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal((await store.open("job", { ...replace, lapsedFence: fence + 1 })).role, "reader");
    await append(1, ["f1"]);
    assert.equal((await store.open("job", replace)).role, "reader");
    await append(2, [], { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    assert.equal((await store.open("job", replace)).role, "producer");
  });

  test("`lapsedFence` MUST protect a stream that its producer has finished meanwhile, but none that was lost", async ({
    store,
    other,
    openProducer,
    meta,
    texts,
    until,
  }) => {
    const ends = ["done", "cancelled", "failed", "expired", "lost"] as const;
    for (const status of ends) {
      const { append, fence } = await openProducer(status, { leaseMs: SHORT });
      await append(1, ["f1"], { leaseMs: SHORT });
      await until(async () => (await meta(status)).leaseLeftMs <= 0);
      await append(2, ["f2"], { end: { status } });
      const isFinished = status === "done" || status === "cancelled";
      const opened = await other.open(status, {
        ...STREAM,
        epoch: NEXT_EPOCH,
        ifExists: "replace",
        lapsedFence: fence,
      });
      assert.equal(opened.role, isFinished ? "reader" : "producer");
      assert.deepEqual(await texts(status), isFinished ? frames(1, 2) : []);
      if (opened.role === "reader") assert.deepEqual(opened.meta.end, { status });
    }
    assert.equal((await store.open("done", { ...STREAM, epoch: THIRD_EPOCH })).role, "producer");
  });

  test("a take-over that races with the end MUST NOT erase a finished stream", async ({
    other,
    openProducer,
    meta,
    texts,
    until,
  }) => {
    for (let round = 0; round < 20; round++) {
      const id = `job ${round}`;
      const { append, fence } = await openProducer(id, { leaseMs: SHORT });
      await append(1, ["f1"], { leaseMs: SHORT });
      await until(async () => (await meta(id)).leaseLeftMs <= 0);
      const takeOver = { ...STREAM, epoch: NEXT_EPOCH, ifExists: "replace", lapsedFence: fence } as const;
      const [ended, opened] = await Promise.all([
        append(2, ["f2"], { end: { status: "done" } }),
        other.open(id, takeOver),
      ]);
      // One of them comes first, and the other one is told.
      assert.deepEqual(
        [ended.code, opened.role],
        ended.code === "ok" ? ["ok", "reader"] : ["fenced", "producer"],
      );
      assert.deepEqual(await texts(id), ended.code === "ok" ? frames(1, 2) : []);
    }
  });
}
