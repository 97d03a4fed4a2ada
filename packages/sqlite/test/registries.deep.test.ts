import * as core from "@holdfast/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { histories } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { simulatedSqliteStore } from "./support/simulated-store.ts";

const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 1_000);

test.each(histories)(
  "registries that share a file lose, duplicate and leak nothing in random histories in which %s",
  async (_, arbitrary, share) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (history) => {
        const store = simulatedSqliteStore();
        try {
          await run(core, history, store);
        } finally {
          store.close();
        }
      }),
      { numRuns: Math.ceil(RUNS * share) },
    );
    expect.assertions(0);
  },
  3_600_000,
);
