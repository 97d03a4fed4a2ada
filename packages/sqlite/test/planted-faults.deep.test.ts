import * as core from "@holdfast/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { histories, type History } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { findViolation, sourceCopier } from "../../core/test/support/planted-faults.ts";
import type { sqliteStore } from "../src/index.ts";
import { faults, SOURCE } from "./support/faults.ts";
import { simulatedSqliteStore } from "./support/simulated-store.ts";

const anyHistory = fc.oneof(...histories.map(([, arbitrary]) => arbitrary));

describe("the model of registries that share a file finds a planted fault", { timeout: 600_000 }, () => {
  const copyStore = sourceCopier<{ readonly sqliteStore: typeof sqliteStore }>(SOURCE, "sqlite-store.ts");

  test.each(faults.map((fault, index) => ({ ...fault, index })))(
    "$name",
    async ({ index, violation, ...fault }) => {
      const faulty = await copyStore(`fault-${index}`, fault);
      const runOnFile = async (subject: Parameters<typeof run>[0], history: History): Promise<void> => {
        const store = simulatedSqliteStore(faulty.sqliteStore);
        try {
          await run(subject, history, store);
        } finally {
          store.close();
        }
      };
      expect(await findViolation(core, anyHistory, runOnFile, 1_000, violation)).toMatch(violation);
    },
  );
});
