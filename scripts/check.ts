/**
 * `npm test`: runs all checks and prints one line per step. The output of a step is shown only when it failed, or
 * with `--verbose`. With `--deep` it also measures coverage, looks for unused code, builds and checks the published
 * packages, and runs the slow tests and the matrix of runtimes and proxies.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Counts {
  passed: number;
  failed: number;
}

const verbose = process.argv.includes("--verbose");
const deep = process.argv.includes("--deep");
const folder = mkdtempSync(join(tmpdir(), "holdfast-check-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Runs a pnpm command and prints its result. A step counts as one check, unless `count` returns other counts. */
async function step(command: string, count?: (ok: boolean, output: string) => Counts): Promise<Counts> {
  const start = performance.now();
  const { ok, output } = await run("pnpm", command.split(" "));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const counts = count?.(ok, output) ?? { passed: Number(ok), failed: Number(!ok) };
  const detail = count ? `  ${counts.passed} passed, ${counts.failed} failed` : "";
  const name = command.split(" ", 1).join().padEnd(12);
  console.log(`${ok ? "ok    " : "FAILED"}  ${name} ${seconds.padStart(5)} s${detail}`);
  if (verbose || !ok) console.log(output);
  return counts;
}

function run(command: string, args: string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    // On Windows, pnpm is a script.
    const shell = process.platform === "win32";
    const child = spawn(command, args, { shell, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** Counts the tests in a report. A run may fail without a failed test, for example on low coverage: one failure. */
function countTests(ok: boolean, report: string): Counts {
  try {
    const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(report, "utf8"));
    return { passed, failed: ok ? failed : Math.max(failed, 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Runs a script whose tests count one by one. */
async function tests(script: string): Promise<Counts[]> {
  const report = join(folder, `${script}.json`);
  const command = `${script} --reporter=default --reporter=json --outputFile.json=${report}`;
  return [await step(command, (ok) => countTests(ok, report))];
}

/** The counts on the last line of the matrix. A script that ends before it prints them is one failure. */
function countsOfLastLine(_ok: boolean, output: string): Counts {
  const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
  return passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
}

async function otherSteps(): Promise<Counts[]> {
  const results: Counts[] = [];
  // First, because pnpm only warns when the automatic install before a script fails.
  results.push(await step("install --frozen-lockfile"));
  const publishing = deep ? ["unused", "api:check", "build", "size", "tarballs", "docs:api"] : [];
  for (const script of ["format:check", "lint", "typecheck", ...publishing]) {
    results.push(await step(script));
  }
  return results;
}

const results = (await Promise.all([tests(deep ? "coverage" : "unit"), otherSteps()])).flat();
if (deep) results.push(...(await tests("deep")), await step("matrix:all", countsOfLastLine));
const passed = results.reduce((sum, counts) => sum + counts.passed, 0);
const failed = results.reduce((sum, counts) => sum + counts.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
