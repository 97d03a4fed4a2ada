import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const FILE = join(import.meta.dirname, "under-node-test.ts");
const ARGUMENTS = ["--conditions=@holdfast/source", "--test", "--test-reporter=tap", FILE];

test("the suite also runs with node:test", { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ARGUMENTS, { maxBuffer: 8 << 20 });
  const countOf = (outcome: string): number => Number(RegExp(`^# ${outcome} (\\d+)$`, "m").exec(stdout)?.[1]);
  expect(countOf("pass")).toBeGreaterThan(100);
  expect(countOf("fail")).toBe(0);
  expect(stdout).toMatch(/ok \d+ - halfClose: .+ # SKIP/);
});
