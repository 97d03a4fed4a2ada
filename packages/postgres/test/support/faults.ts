import { join } from "node:path";
import type { PlantedFault } from "../../../core/test/support/planted-faults.ts";

/** The source that the faults are planted in. */
export const SOURCE: string = join(import.meta.dirname, "../../src");

/** Faults of the store that the histories of several registries must find. */
export const faults: readonly PlantedFault[] = [
  {
    name: "a page leaves its first frame out",
    file: "sql/store-functions.ts",
    original: "r.seq >= v_start",
    replacement: "r.seq >= v_start + (v_start % 3 = 0)::int",
    violation: /^(Idle|token|Event|A client waits|Still held)|did not write/,
  },
  {
    name: "an append forgets what was trimmed",
    file: "sql/store-functions.ts",
    original: "s.first := greatest(s.first, s.last + 1 - s.keep);",
    replacement: "s.first := greatest(1, s.last + 1 - s.keep);",
    violation: /^(Idle|token|Event|A client waits|Still held)|did not write/,
  },
  {
    name: "a batch that is repeated is stored again",
    file: "sql/store-functions.ts",
    original: "IF NOT FOUND THEN v_skip := v_count; END IF;",
    replacement: "",
    violation: /^The store has an event twice|^The channel .* twice$/,
  },
  {
    name: "nobody is ever lost",
    file: "sql/store-functions.ts",
    original: "AND fence = p_fence\n",
    replacement: "AND fence = p_fence + 1\n",
    violation: /^Idle without a producer/,
  },
];
