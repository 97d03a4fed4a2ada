import assert from "node:assert/strict";
import { NEXT_EPOCH, STREAM, type StoreTest } from "./store-test.ts";

export function testMarker(test: StoreTest): void {
  test("marker MUST return the same text in all processes, whatever is stored", async ({ store, other }) => {
    assert(store.marker !== undefined && other.marker !== undefined, "The store has no marker.");
    const markers = await Promise.all([store.marker(), other.marker(), store.marker()]);
    assert.equal(new Set(markers).size, 1);
    assert.equal(typeof markers[0], "string");
    await store.open("job", STREAM);
    await store.delete("job");
    assert.equal(await other.marker(), markers[0]);
  });

  test("marker MUST return another text after the store has lost everything", async ({
    store,
    other,
    flush,
  }) => {
    assert(store.marker !== undefined && other.marker !== undefined, "The store has no marker.");
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const marker: string = await store.marker();
      assert(!seen.has(marker), `${marker} is the marker of data that is lost`);
      seen.add(marker);
      await store.open("job", { ...STREAM, epoch: NEXT_EPOCH });
      await flush();
      const [here, there]: readonly string[] = await Promise.all([store.marker(), other.marker()]);
      assert.equal(here, there);
      assert.equal((await store.open("job", STREAM)).role, "producer");
    }
  });
}
