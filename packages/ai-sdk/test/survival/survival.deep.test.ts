// Covers the package as a whole: random answers with tools, cut connections, reloads, second readers, servers that are killed or
// shut down, and a stop. `pnpm ai-sdk:survival` runs 500.

import { expect, test } from "vitest";
import { runSurvivals } from "./survival.ts";

const runs = Number(process.env["HOLDFAST_RUNS"] ?? 60);
const first = Number(process.env["HOLDFAST_SEED"] ?? 1);

test(`in ${runs} random runs every page has the whole message, or an error`, async () => {
  const tally = await runSurvivals(Array.from({ length: runs }, (_, index) => first + index));
  // Only a longer run has all of these for certain.
  if (runs >= 500) console.log(tally);
  expect(tally.runs).toBe(runs);
  expect(tally.whole).toBeGreaterThan(0);
}, 600_000);
