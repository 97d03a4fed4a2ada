import assert from "node:assert/strict";
import { EVERYTHING, type StoreTest } from "./store-test.ts";

export function testHealth(test: StoreTest): void {
  test("health MUST allow removing a listener, also twice", async ({ store }) => {
    const off = store.health(() => assert.fail("The store is healthy."));
    await store.read("job", null, EVERYTHING);
    off();
    off();
  });
}
