import { describe, expect, test } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { createCluster } from "../support/cluster.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

/** Whether a promise has settled. */
function watch(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  return state;
}

describe("after the store has lost everything", () => {
  test("an open does not get the id of a stream that is live in another process", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    store.flush();
    const opening = processes[1].registry.open("a");
    const refused = expect(opening).rejects.toEqual(code("STREAM_EXISTS"));
    const state = watch(opening);
    await clock.advance(10);
    expect(state.isSettled).toBe(false);
    await clock.advance(6_000);
    await refused;
    const remote = processes[1].connect("a");
    job.push({ data: 2 });
    await clock.advance(10);
    expect(remote.events).toEqual([1, 2]);
    expect(job.signal.aborted).toBe(false);
    await close();
  });

  test("an open with `append` continues such a stream", async () => {
    const { processes, clock, store, close } = createCluster();
    const old = await processes[0].registry.open("a");
    old.push({ data: 1 });
    await clock.advance(10);
    store.flush();
    const opening = processes[1].registry.open("a", { ifExists: "append" });
    await clock.advance(6_000);
    const job = await opening;
    expect(job.last).toBe(1);
    await clock.advance(5_000);
    expect(old.signal.reason).toEqual(code("TAKEN_OVER"));
    await close();
  });

  test("an open of any other id waits until living producers have renewed their leases, once", async () => {
    const { processes, clock, store, close } = createCluster();
    await clock.advance(60_000);
    store.flush();
    const opening = processes[1].registry.open("new");
    const state = watch(opening);
    await clock.advance(5_900);
    expect(state.isSettled).toBe(false);
    await clock.advance(100);
    expect((await opening).id).toBe("new");
    expect((await processes[1].registry.open("other")).id).toBe("other");
    await close();
  });

  test("a process restores its own streams as soon as it notices", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    store.flush();
    void processes[0].registry.open("b").catch(() => undefined);
    await clock.advance(1_200);
    expect(await store.read("a", null, { frames: 1, bytes: 100 })).toMatchObject({ meta: { last: 1 } });
    await close();
  });

  test("again while an open waits, it waits for longer", async () => {
    const { processes, clock, store, close } = createCluster();
    await processes[0].registry.open("a");
    store.flush();
    const opening = processes[1].registry.open("new");
    const state = watch(opening);
    await clock.advance(3_000);
    store.flush();
    await clock.advance(6_000);
    expect(state.isSettled).toBe(false);
    await clock.advance(6_000);
    expect(state.isSettled).toBe(true);
    await close();
  });

  test("a process that is closed rejects the opens that wait", async () => {
    const { processes, clock, store, close } = createCluster();
    await processes[0].registry.open("a");
    store.flush();
    const opening = expect(processes[1].registry.open("a")).rejects.toEqual(code("REGISTRY_CLOSED"));
    await clock.advance(10);
    await close();
    await opening;
    expect(clock.timers).toBe(0);
  });
});

test("a store without a marker, and one that is not connected yet, are no outage", async () => {
  const clock = createFakeClock();
  const whole = createMemoryStore({ clock });
  const memory: Store = { ...whole };
  delete memory.marker;
  let isConnected = false;
  const late: Store = {
    ...memory,
    async marker() {
      if (!isConnected) throw new Error("not connected yet");
      return whole.marker();
    },
  };
  for (const store of [memory, late]) {
    const { registry, observed } = createTestRegistry({ store }, clock);
    await clock.advance(10_000);
    isConnected = true;
    await registry.open(store === memory ? "a" : "b");
    expect(observed.failed).toEqual([]);
    const closed = registry.close({ deadline: 0 });
    await clock.advance(0);
    await closed;
  }
  expect(clock.timers).toBe(0);
});

test("opens at the same time read the marker once", async () => {
  const clock = createFakeClock();
  const memory = createMemoryStore({ clock });
  let reads = 0;
  const store: Store = {
    ...memory,
    marker() {
      reads++;
      return memory.marker();
    },
  };
  const { registry } = createTestRegistry({ store, random: seededRandom(1) }, clock);
  await clock.flush();
  expect(reads).toBe(1);
  await Promise.all(["a", "b", "c"].map((id) => registry.open(id)));
  expect(reads).toBe(2);
  await registry.open("d");
  expect(reads).toBe(3);
  const closed = registry.close({ deadline: 0 });
  await clock.advance(0);
  await closed;
});
