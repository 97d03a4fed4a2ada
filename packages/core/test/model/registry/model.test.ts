// Covers src/{registry,stream,connection,log} as a whole: random histories of one registry.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as core from "../../../src/index.ts";
import { histories } from "./history.ts";
import { run } from "./simulation.ts";

const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 1_750);

test(`a registry loses, duplicates and leaks nothing in ${numRuns} random histories`, async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      await run(core, history);
    }),
    { numRuns },
  );
  expect.assertions(0);
}, 600_000);
