import { setImmediate as turn } from "node:timers/promises";

/** What a process holds. Two of them are alike if nothing was left behind in between. */
export interface Census {
  /** Bytes of the heap and of the memory beside it, array buffers among them. */
  readonly bytes: number;
  /** Of the objects that were watched, those that somebody holds. */
  readonly alive: number;
  /** What is open or awaited, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

const collect = globalThis.gc as NodeJS.GCFunction;
let alive = 0;
const watched = new FinalizationRegistry(() => alive--);

export function watch(object: object): void {
  alive++;
  watched.register(object, undefined);
}

/** Counts, after all garbage was collected. */
export async function takeCensus(): Promise<Census> {
  // Weak references and finalizers have their turn between two collections.
  for (let round = 0; round < 3; round++) {
    // Others keep code that is not in use, and drop megabytes of it some day, which would hide a leak.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { bytes: heapUsed + external, alive, resources };
}
