/*
 * Many busy streams in a process of their own, so that its memory can be measured alone. Sends what it has measured to its
 * parent.
 */
import { setImmediate as turn } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";
import { measureMemory } from "./memory-usage.ts";

/** What the process sends. */
export interface BusyStreams {
  /** What the registry says that its logs have, at most, in bytes. */
  readonly gauge: number;
  /** By how much the heap and external memory have grown, at most, in bytes. */
  readonly growth: number;
  /** How many bytes were pushed. */
  readonly pushed: number;
}

const [limit, streams, rounds] = process.argv.slice(2).map(Number) as [number, number, number];
const registry = createRegistry({ bytes: limit, observer: { warned: () => undefined } });
const writers = await Promise.all(Array.from({ length: streams }, (_, id) => registry.open(`job-${id}`)));
const { bytes: before } = await measureMemory();
let [gauge, growth, pushed] = [0, 0, 0];
for (let round = 0; round < rounds; round++) {
  for (const [number, writer] of writers.entries()) {
    // From tokens of some bytes to answers of many KiB; the logs differ in size by more than a thousand.
    const size = 16 << ((number + round) % 12);
    writer.push({ data: "x".repeat(size) });
    pushed += size;
    if (number % 50 === 0) await turn();
  }
  gauge = Math.max(gauge, registry.gauges().bytes);
  if (round % 10 === 9) growth = Math.max(growth, (await measureMemory()).bytes - before);
}
process.send?.({ gauge, growth, pushed } satisfies BusyStreams);
await registry.close({ deadline: 0 });
