import * as core from "@holdfast/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  historiesWithFaults,
  historiesWithLosses,
  historiesWithoutFaults,
} from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { simulatedSqliteStore } from "./support/simulated-store.ts";

const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 1_000);

test.each([
  ["wake-ups are lost", historiesWithoutFaults, 0.2],
  ["calls fail and processes die", historiesWithFaults, 0.5],
  ["the store loses data", historiesWithLosses, 0.3],
])(
  "registries that share a file lose, duplicate and leak nothing in random histories in which %s",
  async (_, histories, share) => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
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
