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
