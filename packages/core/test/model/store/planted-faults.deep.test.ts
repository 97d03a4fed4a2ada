import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sourceCopier, findViolation } from "../../support/planted-faults.ts";
import { histories } from "./history.ts";
import { plantedFaults } from "./planted-faults.ts";
import { run } from "./simulation.ts";

const anyHistory = fc.oneof(...histories.map(([, arbitrary]) => arbitrary));

describe("the model of registries that share a store finds a planted fault", { timeout: 600_000 }, () => {
  const copyCore = sourceCopier();

  test.each(plantedFaults.map((fault, index) => ({ ...fault, index })))(
    "$name",
    async ({ index, violation, ...fault }) => {
      const core = await copyCore(`fault-${index}`, fault);
      expect(await findViolation(core, anyHistory, run, 20_000, violation)).toMatch(violation);
    },
  );
});
