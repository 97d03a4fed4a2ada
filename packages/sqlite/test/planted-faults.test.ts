import { describe, test } from "vitest";
import { expectToFit } from "../../core/test/support/planted-faults.ts";
import { faults, SOURCE } from "./support/faults.ts";

// A change of the source may have to change a fault, which only the deep tests plant.
describe("a fault can be planted", () => {
  test.each(faults)("$file: $name", (fault) => expectToFit(fault, SOURCE));
});
