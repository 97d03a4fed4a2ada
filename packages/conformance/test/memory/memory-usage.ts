import { setImmediate as turn } from "node:timers/promises";

/** What a process holds. If nothing leaks, it is the same before and after a test. */
export interface MemoryUsage {
  /** Bytes of the heap and of external memory, such as array buffers. */
  readonly bytes: number;
  /** How many of the tracked objects have not been garbage-collected. */
  readonly alive: number;
  /** Active handles and requests, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

const collect = globalThis.gc as NodeJS.GCFunction;
let alive = 0;
const registry = new FinalizationRegistry(() => alive--);

export function track(object: object): void {
  alive++;
  registry.register(object, undefined);
}

/** Measures after a full garbage collection. */
export async function measureMemory(): Promise<MemoryUsage> {
  // Weak references and finalizers are processed between two collections.
  for (let round = 0; round < 3; round++) {
    // Other flavors keep unused code, and drop megabytes of it at some later time, which would hide a leak.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { bytes: heapUsed + external, alive, resources };
}
