import { describe, expect, test } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { createCluster } from "../support/cluster.ts";
import { createTestRegistry } from "../support/test-registry.ts";

describe("an outage of the store", () => {
  test("does not stop a producer and the readers in its process, and is reported once", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const local = processes[0].connect("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    job.push({ data: 1 });
    await clock.advance(20_000);
    job.push({ data: 2 });
    await clock.flush();
    expect([local.events, remote.events]).toEqual([[1, 2], []]);
    expect(remote.text).toContain(": degraded\n\n");
    expect([processes[0].observed.failed.length, processes[1].observed.failed.length]).toEqual([1, 1]);
    expect(processes[0].observed.failed[0]).toMatchObject({ stage: "store" });
    for (const { link } of processes) link.callFates = ["ok"];
    await clock.advance(6_000);
    expect(remote.events).toEqual([1, 2]);
    await job.end();
    await clock.advance(10);
    expect(remote.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.3.end`, { status: "done" }]);
    await close();
  });

  test("is reported with the error of a failed call, if there was one", async () => {
    let setHealthy: (healthy: boolean) => void = () => undefined;
    let isWorking = true;
    const clock = createFakeClock();
    const memory = createMemoryStore({ clock });
    const store: Store = {
      ...memory,
      health(onChange) {
        setHealthy = onChange;
        return () => undefined;
      },
      async append(id, given) {
        if (isWorking) return memory.append(id, given);
        setHealthy(false);
        throw new Error("It is full.");
      },
    };
    const { registry, observed } = createTestRegistry({ store }, clock);
    const job = await registry.open("a");
    const pushAndTakeFailures = async (): Promise<unknown[]> => {
      job.push({ data: "x" });
      await clock.advance(10);
      return observed.failed.splice(0);
    };
    expect(await pushAndTakeFailures()).toEqual([]);
    isWorking = false;
    expect(await pushAndTakeFailures()).toMatchObject([
      { stage: "store", error: { message: "It is full." } },
    ]);
    isWorking = true;
    setHealthy(true);
    await clock.advance(5_000);

    setHealthy(false);
    setHealthy(true);
    expect(await pushAndTakeFailures()).toEqual([]);
    setHealthy(false);
    expect(await pushAndTakeFailures()).toMatchObject([
      { stage: "store", error: { message: "The store is away." } },
    ]);
  });
});
