import { describe, expect, test } from "vitest";
import { sourceCopier, findViolation } from "../../support/planted-faults.ts";
import { histories } from "./history.ts";
import { plantedFaults } from "./planted-faults.ts";
import { run } from "./simulation.ts";

describe("the model of a registry finds a planted fault", { timeout: 600_000 }, () => {
  const copyCore = sourceCopier();

  test.each(plantedFaults.map((fault, index) => ({ ...fault, index })))(
    "$name",
    async ({ index, violation, ...fault }) => {
      const core = await copyCore(`fault-${index}`, fault);
      expect(await findViolation(core, histories, run, 20_000, violation)).toMatch(violation);
    },
  );

  test("and no fault where none was planted", async () => {
    const core = await copyCore("no-fault");
    expect(await findViolation(core, histories, run, 200, /./)).toBeUndefined();
  });
});
