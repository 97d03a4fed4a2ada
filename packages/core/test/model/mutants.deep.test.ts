import { describe, expect, test } from "vitest";
import { findIn, nursery } from "../support/mutants.ts";
import { histories } from "./history.ts";
import { mutants } from "./mutants.ts";
import { live } from "./world.ts";

describe("the model finds planted faults", { timeout: 60_000 }, () => {
  const plant = nursery();

  test.each(mutants.map((mutant, index) => ({ ...mutant, index })))(
    "$fault",
    async ({ index, found, ...fault }) => {
      const core = await plant(fault, `mutant-${index}`);
      expect(await findIn(core, histories, live, 4_000, found)).toMatch(found);
    },
  );

  test("and no fault where none was planted", async () => {
    const core = await plant({ file: "index.ts", sound: "// Streams", faulty: "" }, "sound");
    expect(await findIn(core, histories, live, 200, /./)).toBeUndefined();
  });
});
