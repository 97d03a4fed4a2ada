import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const FILE = join(import.meta.dirname, "under-node-test.ts");
const ARGUMENTS = ["--conditions=@holdfast/source", "--test", "--test-reporter=tap", FILE];

test("the suite runs under node:test as well", { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ARGUMENTS, { maxBuffer: 8 << 20 });
  const count = (what: string): number => Number(RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
  expect(count("pass")).toBeGreaterThan(100);
  expect(count("fail")).toBe(0);
  expect(stdout).toMatch(/ok \d+ - halfClose: .+ # SKIP/);
});
