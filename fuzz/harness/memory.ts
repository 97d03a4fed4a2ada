import { setImmediate as turn } from "node:timers/promises";

/** Bytes of the heap and of array buffers, after a full garbage collection. Needs `--expose-gc`. */
export async function measureMemory(): Promise<number> {
  const collect = globalThis.gc as NodeJS.GCFunction;
  // Weak references and finalizers are processed between two collections.
  for (let round = 0; round < 3; round++) {
    // Other flavors keep unused code, and drop megabytes of it at some later time, which would hide a leak.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
