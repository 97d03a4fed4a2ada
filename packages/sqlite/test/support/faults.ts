import { join } from "node:path";
import type { PlantedFault } from "../../../core/test/support/planted-faults.ts";

/** The source that the faults are planted in. */
export const SOURCE: string = join(import.meta.dirname, "../../src");

/** Faults of the store that the histories of several registries must find. */
export const faults: readonly PlantedFault[] = [
  {
    name: "a page leaves its first frame out",
    file: "tables.ts",
    original: "const next = start + frames.length;",
    replacement: "const next = start + 1 + frames.length;",
    violation: /^(Idle|token|Event|A client waits|Still held)/,
  },
  {
    name: "trimming removes one frame more",
    file: "tables.ts",
    original: "AND seq < min(?2,",
    replacement: "AND seq <= min(?2,",
    violation: /^(Idle|token|A client waits)|did not write/,
  },
  {
    name: "the number of a batch is not saved",
    file: "sqlite-store.ts",
    original: "if (isNewBatch && batch)",
    replacement: "if (false && batch)",
    violation: /^The store has an event twice|^The channel .* twice$/,
  },
  {
    name: "nobody is ever lost",
    file: "sqlite-store.ts",
    original: "const head = loseHead(found?.head, fence, end, now());",
    replacement: "const head = loseHead(undefined, fence, end, now());",
    violation: /^Idle without a producer/,
  },
];
