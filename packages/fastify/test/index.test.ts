import * as core from "@holdfast/core";
import { expect, test } from "vitest";
import * as adapter from "../src/index.ts";

test("everything of core comes with the adapter", () => {
  expect(adapter).toMatchObject(core);
});
