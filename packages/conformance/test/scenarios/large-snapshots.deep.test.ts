import type { AnyEvents, Snapshot } from "@holdfast/core";
import { expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { startService } from "./service.ts";

/*
 * Scenario: many clients ask for a running job with a snapshot of 8 MiB, and none of them reads. Covers the prefix reader and
 * the snapshot memory of core.
 */

const MIB = 1 << 20;
const CLIENTS = 200;
const events = Array.from({ length: 1_024 }, () => ({ data: "x".repeat(8_000) }));

test("clients that do not read share one snapshot", async () => {
  let snapshot: Snapshot<AnyEvents> = { state: "pending" };
  const { registry, send } = await startService(() => ({
    buffer: { events: 1 },
    snapshot: () => snapshot,
  }));
  const job = await registry.open("job");
  job.push({ data: 1 });
  snapshot = { state: "running", at: job.push({ data: 2 }) as string, events };
  // Without buffers that other tests have left.
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < CLIENTS; n++) send("job").pause();
  await eventually(async () => expect(job.readers).toBe(CLIENTS));
  const { bytes } = registry.gauges();
  expect([bytes > 7 * MIB, bytes < 9 * MIB]).toEqual([true, true]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((CLIENTS * 8 * MIB) / 8);
});
