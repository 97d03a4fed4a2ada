import fc from "fast-check";
import { expect, test } from "vitest";
import * as core from "../../src/index.ts";
import { histories } from "./history.ts";
import { live } from "./world.ts";

const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 2_000);

test(`${numRuns} random histories lose, double and leak nothing`, async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      await live(core, history);
    }),
    { numRuns },
  );
  expect.assertions(0);
}, 120_000);
