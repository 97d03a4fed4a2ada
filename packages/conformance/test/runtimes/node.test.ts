import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "vitest";
import { findRuntime } from "./runtimes.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const RUN = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--project",
  "http",
  "packages/conformance/test/adapter-suite",
];

for (const name of ["node22", "node26"] as const) {
  const node = findRuntime(name);
  test.skipIf(node === undefined)(`the adapters for Node, on ${name}`, { timeout: 300_000 }, async () => {
    // What failed there stands in the error.
    await promisify(execFile)(node ?? name, RUN, { cwd: ROOT, maxBuffer: 1 << 26 });
  });
}
