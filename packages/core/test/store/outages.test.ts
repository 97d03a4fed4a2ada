// Covers store-client, store-health and retry-queue with the registry on top.

import { describe, expect, onTestFinished, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock, createMemoryStore, type FakeClock } from "../../src/testing/index.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

type Method = "open" | "append" | "read" | "cancel" | "lost" | "delete";
const METHODS: readonly Method[] = ["open", "append", "read", "cancel", "lost", "delete"];

interface Service {
  readonly clock: FakeClock;
  readonly processes: readonly TestRegistry[];
  /** How many calls the processes have made since the last call of this function. */
  readonly countCalls: () => number;
  /** How many calls are not settled. */
  readonly underWay: () => number;
}

/** Processes that share a store in memory, of which `fail` decides what happens to a call. */
function createService(
  processCount: number,
  fail: (method: Method, id: string) => Promise<never> | undefined,
): Service {
  const clock = createFakeClock();
  const memory = createMemoryStore({ clock });
  let calls = 0;
  let underWay = 0;
  const call = async (method: Method, id: string, run: () => Promise<unknown>): Promise<unknown> => {
    calls++;
    underWay++;
    try {
      return await (fail(method, id) ?? run());
    } finally {
      underWay--;
    }
  };
  const wrapped = METHODS.map((method) => [
    method,
    (...args: unknown[]) =>
      call(method, String(args[0]), () =>
        (memory[method] as (...given: unknown[]) => Promise<unknown>)(...args),
      ),
  ]);
  const store = { ...memory, ...Object.fromEntries(wrapped) } as Store;
  const processes = Array.from({ length: processCount }, (_, number) =>
    createTestRegistry({ store, random: seededRandom(number + 1) }, clock),
  );
  onTestFinished(async () => {
    const closed = Promise.all(processes.map(({ registry }) => registry.close({ deadline: 0, spread: 0 })));
    await clock.advance(0);
    await closed;
    expect(clock.timers).toBe(0);
  });
  return {
    clock,
    processes,
    countCalls() {
      const counted = calls;
      calls = 0;
      return counted;
    },
    underWay: () => underWay,
  };
}

const refuse = (message: string, retryable: boolean): Promise<never> =>
  Promise.reject(new HoldfastError("STORE_UNAVAILABLE", message, { retryable }));

describe("a store that is full", () => {
  test("gets no more calls than in quiet times, is reported once, and gets everything when it has room", async () => {
    let isFull = false;
    const { clock, processes, countCalls } = createService(2, (method) =>
      isFull && ["open", "append", "lost"].includes(method) ? refuse("full", true) : undefined,
    );
    const jobs = await Promise.all(
      processes.flatMap(({ registry }, process) =>
        Array.from({ length: 100 }, (_, number) => registry.open(`${process}-${number}`)),
      ),
    );
    const remote = processes[1]?.connect("0-0");
    await clock.advance(20_000);
    countCalls();
    await clock.advance(60_000);
    const quiet = countCalls();

    isFull = true;
    await clock.advance(60_000);
    expect(countCalls()).toBeLessThan(2 * quiet);
    expect(processes.map(({ observed }) => observed.failed.length)).toEqual([1, 1]);
    for (const job of jobs) job.push({ data: "x" });
    await clock.advance(30_000);
    expect(countCalls()).toBeLessThan(quiet);
    expect(processes.map(({ observed }) => observed.failed.length)).toEqual([1, 1]);

    isFull = false;
    await clock.advance(2_000);
    expect(countCalls()).toBeLessThan(jobs.length * 2);
    expect(remote?.events).toEqual(["x"]);
    const [, { registry }] = processes as [TestRegistry, TestRegistry];
    const found = await Promise.all(jobs.map(({ id }) => registry.find(id)));
    expect(found.filter((info) => info?.status === "live" && info.last === 1)).toHaveLength(jobs.length);
    await clock.advance(30_000);
    expect(jobs.filter(({ signal }) => signal.aborted)).toEqual([]);
  });

  test("does not keep a process that only reads from telling its readers of a dead producer afterwards", async () => {
    let isFull = false;
    const { clock, processes } = createService(2, (method, id) => {
      if (id === "dead" && method === "append") return refuse("cut off", true);
      return isFull && ["open", "append", "lost"].includes(method) ? refuse("full", true) : undefined;
    });
    await processes[0]?.registry.open("dead");
    const remote = processes[1]?.connect("dead");
    isFull = true;
    await clock.advance(60_000);
    expect(remote?.text).not.toContain("stream.end");
    isFull = false;
    await clock.advance(16_000);
    expect(remote?.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
  });
});

describe("an id that fails alone", () => {
  test("fails its own calls, and nobody else's; a dead producer's readers are told in time", async () => {
    let isDead = false;
    const { clock, processes } = createService(2, (method, id) => {
      if (id === "broken") return refuse("not a stream", false);
      if (id === "dead" && isDead && method === "append") return new Promise<never>(() => undefined);
      return undefined;
    });
    const [producer, reader] = processes as [TestRegistry, TestRegistry];
    await producer.registry.open("dead");
    const remote = reader.connect("dead");
    const waiting = reader.connect("broken");
    await clock.flush();
    isDead = true;
    for (let second = 0; second < 21; second++) {
      for (const call of [reader.registry.cancel("broken"), reader.registry.find("broken")]) {
        await expect(call).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      }
      await clock.advance(1_000);
    }
    expect(remote.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    expect(reader.observed.failed).toMatchObject([{ id: "broken", error: { message: "not a stream" } }]);
    expect(waiting.blocks.map(([event]) => event)).toEqual(["stream.open", "stream.error"]);
  });

  test("fails its own producer only, whose events are stored when it works again", async () => {
    let isBroken = false;
    const { clock, processes, countCalls } = createService(2, (_, id) =>
      isBroken && id === "broken" ? refuse("not a stream", false) : undefined,
    );
    const [producer, reader] = processes as [TestRegistry, TestRegistry];
    const [broken, sound] = await Promise.all(["broken", "sound"].map((id) => producer.registry.open(id)));
    const remote = reader.connect("sound");
    isBroken = true;
    broken?.push({ data: 1 });
    sound?.push({ data: 2 });
    await clock.advance(10);
    expect(remote.events).toEqual([2]);
    countCalls();
    await clock.advance(60_000);
    expect(countCalls()).toBeLessThan(120);
    expect(producer.observed.failed).toMatchObject([{ id: "broken" }]);
    isBroken = false;
    await clock.advance(5_000);
    expect((await reader.registry.find("broken"))?.last).toBe(1);
  });
});

describe("a store that hangs", () => {
  test("has a bounded number of calls under way, and gets everything when it answers again", async () => {
    let isHung = false;
    const { clock, processes, underWay } = createService(2, () =>
      isHung ? new Promise<never>(() => undefined) : undefined,
    );
    const [producer, reader] = processes as [TestRegistry, TestRegistry];
    const jobs = await Promise.all(
      Array.from({ length: 100 }, (_, number) => producer.registry.open(`${number}`)),
    );
    isHung = true;
    for (const job of jobs) job.push({ data: "x" });
    for (let room = 0; room < 3_000; room++) producer.registry.channel(`room ${room}`).push({ data: "x" });
    await clock.advance(0);
    expect(underWay()).toBe(1_000);
    await clock.advance(4_000);
    expect(underWay()).toBe(1_000);
    expect(producer.observed.failed).toHaveLength(0);
    await clock.advance(60_000);
    expect(underWay()).toBeLessThan(1_200);
    expect(producer.observed.failed).toHaveLength(1);

    isHung = false;
    await clock.advance(6_000);
    expect((await reader.registry.find("99"))?.last).toBe(1);
    expect((await reader.registry.find("room 2999"))?.last).toBe(1);
  });
});
