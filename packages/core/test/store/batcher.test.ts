import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

describe("push", () => {
  test("is sent to the store in the next turn, 5 ms after the last batch, or as soon as there are 64 events", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const before = processes[0].link.callCount;
    for (let number = 0; number < 10; number++) job.push({ data: number });
    expect(processes[0].link.callCount).toBe(before);
    await clock.flush();
    expect(processes[0].link.callCount).toBe(before + 1);
    for (let number = 0; number < 10; number++) job.push({ data: number });
    await clock.advance(4);
    expect(processes[0].link.callCount).toBe(before + 1);
    await clock.advance(1);
    expect(processes[0].link.callCount).toBe(before + 2);
    for (let number = 0; number < 64; number++) job.push({ data: number });
    expect(processes[0].link.callCount).toBe(before + 3);
    await close();
  });
});
