/** Runs tests in a vitest process of their own, and reads the results. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRuntime, type Runtime } from "../../packages/conformance/test/runtimes/find-runtime.ts";

/** Tests that one vitest process runs, under one version of Node. */
export interface Run {
  readonly name: string;
  readonly node?: Runtime;
  readonly tests: readonly string[];
}

export interface Result {
  /** The names of the groups, the outermost first. */
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly fullName: string;
  readonly status: "passed" | "failed" | "skipped" | "pending";
  readonly failureMessages?: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-matrix-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Runs the tests and reports them on one line. A run without a passed test has failed. */
export async function resultsOf({ name, node, tests }: Run): Promise<readonly Result[]> {
  const binary = node === undefined ? process.execPath : findRuntime(node);
  if (binary === undefined) return [];
  const report = join(folder, `${name}.json`);
  const args = [
    "node_modules/vitest/vitest.mjs",
    "run",
    ...tests,
    "--reporter=json",
    `--outputFile=${report}`,
  ];
  const start = performance.now();
  const output = await outputOf(binary, args);
  const results = readResults(report);
  const count = (status: Result["status"]): number =>
    results.filter((result) => result.status === status).length;
  const [passed, failed] = [count("passed"), count("failed")];
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
  const verdict = passed > 0 && failed === 0 ? "ok    " : "FAILED";
  console.log(`${verdict}  ${name.padEnd(12)} ${seconds} s  ${passed} passed, ${failed} failed`);
  if (passed === 0) console.log(output);
  for (const { status, fullName, failureMessages = [] } of results) {
    if (status === "failed") console.log(`${fullName}\n  ${failureMessages.join("\n").slice(0, 2_000)}`);
  }
  return results;
}

function outputOf(binary: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => void (output = `${output}${chunk.toString()}`.slice(-20_000));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}

function readResults(report: string): Result[] {
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
      testResults: { assertionResults: Result[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    return [];
  }
}
