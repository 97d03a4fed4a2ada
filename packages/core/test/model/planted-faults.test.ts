import { describe, test } from "vitest";
import { expectToFit } from "../support/planted-faults.ts";
import { plantedFaults as registryFaults } from "./registry/planted-faults.ts";
import { plantedFaults as storeFaults } from "./store/planted-faults.ts";

// That the models find the faults is tested in *.deep.test.ts.
describe("a planted fault fits the source", () => {
  test.each([...registryFaults, ...storeFaults])("$file: $name", (fault) => expectToFit(fault));
});
