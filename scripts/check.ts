/**
 * Everything that must hold before a change goes in. One line per step; what a step printed is shown only
 * when it failed, or with --verbose. With --deep it measures coverage too, looks at what ships, and goes on to
 * what takes longer than anyone wants to wait for, and to every runtime and proxy.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Tally {
  passed: number;
  failed: number;
}

const verbose = process.argv.includes("--verbose");
const deep = process.argv.includes("--deep");
const folder = mkdtempSync(join(tmpdir(), "holdfast-check-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Gives pnpm a command and tells how it went; a step counts as one, unless `count` knows better. */
async function step(command: string, count?: (ok: boolean, output: string) => Tally): Promise<Tally> {
  const start = performance.now();
  const { ok, output } = await run("pnpm", command.split(" "));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const tally = count?.(ok, output) ?? { passed: Number(ok), failed: Number(!ok) };
  const detail = count ? `  ${tally.passed} passed, ${tally.failed} failed` : "";
  const name = command.split(" ", 1).join().padEnd(12);
  console.log(`${ok ? "ok    " : "FAILED"}  ${name} ${seconds.padStart(5)} s${detail}`);
  if (verbose || !ok) console.log(output);
  return tally;
}

function run(command: string, args: string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** A run can fail without a failed test (a file that does not load, coverage too low): that is one failure. */
function countTests(ok: boolean, report: string): Tally {
  try {
    const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(report, "utf8"));
    return { passed, failed: ok ? failed : Math.max(failed, 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** A script that runs tests, each of which counts. */
async function tests(script: string): Promise<Tally[]> {
  const report = join(folder, `${script}.json`);
  const command = `${script} --reporter=default --reporter=json --outputFile.json=${report}`;
  return [await step(command, (ok) => countTests(ok, report))];
}

/** What the matrix counts by itself; a script that broke off before it could is one failure. */
function lastCount(_ok: boolean, output: string): Tally {
  const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
  return passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
}

async function everythingElse(): Promise<Tally[]> {
  const tallies: Tally[] = [];
  // First, because pnpm goes on with a mere warning when the install before a script fails.
  tallies.push(await step("install --frozen-lockfile"));
  const shipped = deep ? ["build", "size", "tarballs"] : [];
  for (const script of ["format:check", "lint", "typecheck", "unused", ...shipped]) {
    tallies.push(await step(script));
  }
  return tallies;
}

const tallies = (await Promise.all([tests(deep ? "coverage" : "unit"), everythingElse()])).flat();
if (deep) tallies.push(...(await tests("deep")), await step("matrix:all", lastCount));
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
