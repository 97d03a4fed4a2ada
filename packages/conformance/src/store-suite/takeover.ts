import assert from "node:assert/strict";
import { EPOCH, frames, NEXT_EPOCH, SHORT, type StoreTest, THIRD_EPOCH } from "./store-test.ts";

export function testTakeover(test: StoreTest): void {
  test("a take-over MUST raise the fence and keep the epoch and the frames", async ({
    store,
    openProducer,
    texts,
  }) => {
    const old = await openProducer("job", { leaseMs: SHORT });
    await old.append(1, frames(1, 2));

    const taken = await openProducer("job", { epoch: NEXT_EPOCH, takeover: true });
    assert.deepEqual([taken.epoch, taken.last], [EPOCH, 2]);
    assert(taken.fence > old.fence);
    assert.deepEqual(await old.append(3, ["old"]), { code: "fenced", fence: taken.fence });
    assert.deepEqual(await taken.append(3, ["new"]), { code: "ok", last: 3 });
    assert.deepEqual(await texts("job"), ["f1", "f2", "new"]);
    assert.equal(await store.lost("job", old.fence, { status: "lost" }), false);
  });

  test("a take-over that is repeated MUST NOT raise the fence again", async ({ openProducer }) => {
    await openProducer("job");
    const taken = await openProducer("job", { epoch: NEXT_EPOCH, takeover: true });
    const again = await openProducer("job", { epoch: NEXT_EPOCH, takeover: true });
    assert.equal(again.fence, taken.fence);
    const next = await openProducer("job", { epoch: THIRD_EPOCH, takeover: true });
    assert(next.fence > taken.fence);
  });

  test("a take-over MUST renew the lease", async ({ openProducer, meta, until }) => {
    await openProducer("job", { leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    await openProducer("job", { epoch: NEXT_EPOCH, takeover: true });
    assert((await meta("job")).leaseLeftMs > SHORT);
  });

  test("a take-over of an unknown id MUST open it", async ({ openProducer }) => {
    const { epoch, last } = await openProducer("job", { epoch: NEXT_EPOCH, takeover: true });
    assert.deepEqual([epoch, last], [NEXT_EPOCH, 0]);
  });
}
