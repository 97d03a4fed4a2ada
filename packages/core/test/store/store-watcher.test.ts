import { expect, test } from "vitest";
import { StoreWatcher } from "../../src/store/store-watcher.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";

test("a watcher makes one subscription for all listeners, to the ids that have a listener", async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const wakeUps: string[] = [];
  const watcher = new StoreWatcher(store);
  const open = (id: string): Promise<unknown> =>
    store.open(id, { kind: "stream", epoch: "aaaaaaaaaa", leaseMs: 9, ttlMs: 9, keep: 9 });
  const unwatch = watcher.watch("a", (hint) => wakeUps.push(`a ${hint}`));
  watcher.watch("a", (hint) => wakeUps.push(`also a ${hint}`));
  watcher.watch("b", (hint) => wakeUps.push(`b ${hint}`));
  await open("a");
  await open("c");
  await clock.flush();
  expect(wakeUps.splice(0)).toEqual(["a changed", "also a changed"]);
  unwatch();
  unwatch();
  await store.cancel("a", "user");
  store.rouse();
  await clock.flush();
  expect(wakeUps.splice(0)).toEqual(["also a cancel", "also a anything", "b anything"]);
  watcher.close();
  store.rouse();
  await clock.flush();
  expect(wakeUps).toEqual([]);
});
