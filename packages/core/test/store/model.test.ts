import fc from "fast-check";
import { expect, test } from "vitest";
import * as core from "../../src/index.ts";
import { faultyHistories, lossyHistories, peacefulHistories } from "./history.ts";
import { live } from "./world.ts";

const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 1_000);

test.each([
  ["hints are lost", peacefulHistories, 0.2],
  ["calls fail and processes die", faultyHistories, 0.5],
  ["the store loses what it had", lossyHistories, 0.3],
])(
  "random histories in which %s lose, double and leak nothing",
  async (_, histories, part) => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        await live(core, history);
      }),
      { numRuns: Math.ceil(numRuns * part) },
    );
    expect.assertions(0);
  },
  600_000,
);
