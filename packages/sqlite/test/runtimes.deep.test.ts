import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findRuntime } from "../../conformance/test/runtimes/find-runtime.ts";

const SCRIPT = join(import.meta.dirname, "support/run-suite.ts");

const targets = [
  { name: "bun, with node:sqlite", runtime: "bun", mode: "path" },
  { name: "bun, with bun:sqlite", runtime: "bun", mode: "bun" },
  { name: "the oldest Node", runtime: "node22", mode: "path" },
] as const;

test.each(targets)("the store suite passes on $name, and nobody is warned", async ({ runtime, mode }) => {
  const binary = findRuntime(runtime);
  if (binary === undefined) return;
  const args = ["--conditions=@holdfast/source", SCRIPT, mode];
  const { stdout, stderr } = await promisify(execFile)(binary, args).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  expect(stdout).toMatch(/^\d+ passed, 0 failed$/m);
  expect(stderr).not.toMatch(/SQLite is an experimental/);
});
