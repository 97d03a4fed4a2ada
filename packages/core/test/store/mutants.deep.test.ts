import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findIn, nursery } from "../support/mutants.ts";
import { faultyHistories, lossyHistories, peacefulHistories } from "./history.ts";
import { mutants } from "./mutants.ts";
import { live } from "./world.ts";

const histories = fc.oneof(peacefulHistories, faultyHistories, lossyHistories);

describe("the store's model finds planted faults", { timeout: 60_000 }, () => {
  const plant = nursery();

  test.each(mutants.map((mutant, index) => ({ ...mutant, index })))(
    "$fault",
    async ({ index, found, ...fault }) => {
      const core = await plant(fault, `mutant-${index}`);
      expect(await findIn(core, histories, live, 6_000, found)).toMatch(found);
    },
  );
});
