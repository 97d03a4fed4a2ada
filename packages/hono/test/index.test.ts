import * as core from "@holdfast/core";
import { expect, test } from "vitest";
import * as adapter from "../src/index.ts";

test("the adapter re-exports everything of core but `serve`", () => {
  const { serve, ...rest } = core;
  expect(adapter).toMatchObject(rest);
  expect(Object.values(adapter)).not.toContain(serve);
});
