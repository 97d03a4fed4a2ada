// Covers src/store/{stream-broker,store-options}.ts, and the check of the `store` option in store.ts. What the functions of
// a store must do is tested by the store suite of packages/conformance.

import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("a registry on a store", () => {
  test("does not open an id before the end of the stream before it is stored", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    processes[0].link.callFates = ["rejected"];
    void old.end();
    await clock.flush();
    processes[0].link.callFates = ["ok"];
    const opening = processes[0].registry.open("a");
    await clock.advance(100);
    expect((await opening).epoch).not.toBe(old.epoch);
    await close();
  });

  test("finds what the store knows, with the readers and bytes of this process", async () => {
    const { processes, clock, close } = createCluster();
    const [producer, reader] = processes;
    const job = await producer.registry.open("a");
    job.push({ data: 1 });
    producer.registry.channel("room").push({ data: 1 });
    await clock.advance(10);
    expect(reader.registry.get("a")).toBeUndefined();
    expect(await reader.registry.find("a")).toEqual({
      id: "a",
      kind: "stream",
      epoch: job.epoch,
      status: "live",
      first: 1,
      last: 1,
      bytes: 0,
      readers: 0,
    });
    reader.connect("a");
    await clock.advance(10);
    expect(await reader.registry.find("a")).toMatchObject({
      readers: 1,
      bytes: reader.registry.get("a")?.bytes,
    });
    expect(await reader.registry.find("room")).toMatchObject({ kind: "channel", status: "live" });
    expect(await reader.registry.find("none")).toBeUndefined();
    await job.end();
    await clock.advance(10);
    const found = await Promise.all(processes.map(({ registry }) => registry.find("a")));
    expect(found.map((info) => info?.status)).toEqual(["done", "done", "done"]);
    await close();
  });

  test("throws from `find` if the store is away; what is produced here it knows all the same", async () => {
    const { processes, close } = createCluster();
    const [{ registry, link }] = processes;
    await registry.open("a");
    link.callFates = ["rejected"];
    expect(await registry.find("a")).toMatchObject({ status: "live" });
    await expect(registry.find("b")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    await expect(registry.find("")).rejects.toEqual(code("INVALID_OPTION"));
    link.callFates = ["ok"];
    await close();
    await expect(registry.find("b")).rejects.toEqual(code("REGISTRY_CLOSED"));
  });

  test("rejects a `store` that lacks functions, and an unknown `durability`", async () => {
    expect(() => createCluster({ durability: "none" as never })).toThrow(code("INVALID_OPTION"));
    const { createRegistry } = await import("../../src/registry/registry.ts");
    expect(() => createRegistry({ store: { open: () => undefined } as never })).toThrow(
      expect.objectContaining({ message: expect.stringContaining("append, read, wake") }),
    );
  });

  test("stores the ends of its streams when it is closed", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    const closed = processes[0].registry.close({ deadline: 1_000 });
    await clock.advance(0);
    await closed;
    expect(job.signal.aborted).toBe(true);
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { last: 1, end: { status: "cancelled" } },
    });
    await close();
  });

  test("waits for the store until the deadline when it is closed, and reports what was not stored", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    processes[0].registry.channel("room").push({ data: 1 });
    job.push({ data: 1 });
    processes[0].link.callFates = ["hanging"];
    let isOver = false;
    void processes[0].registry.close({ deadline: 3_000 }).then(() => {
      isOver = true;
    });
    await clock.advance(2_999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(isOver).toBe(true);
    expect(new Set(processes[0].observed.failed.map(({ id }) => id))).toEqual(new Set(["a", "room"]));
    await close();
    expect(clock.timers).toBe(0);
  });
});
