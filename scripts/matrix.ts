/**
 * Every adapter on every runtime it is for, and behind every proxy: prints what holds as a table, and writes it into
 * the README. Under CI the README must say so already. Its last line is "N passed, N failed".
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRuntime, type Runtime } from "../packages/conformance/test/runtimes/runtimes.ts";

/** Tests that are run at once, by a Node. */
interface Run {
  readonly name: string;
  readonly node?: Runtime;
  readonly tests: readonly string[];
}

interface Result {
  /** From the outermost group. */
  readonly ancestorTitles: readonly string[];
  readonly fullName: string;
  readonly status: "passed" | "failed" | "skipped" | "pending";
  readonly failureMessages?: readonly string[];
}

const onNode = ["--project", "matrix-node"];
const inRuntime = (file: string): string[] => ["--project", "matrix-runtimes", `runtimes/${file}`];

const RUNS: readonly Run[] = [
  { name: "Node 22", node: "node22", tests: onNode },
  { name: "Node 24", tests: onNode },
  { name: "Node 26", node: "node26", tests: onNode },
  { name: "Bun 1.4", tests: inRuntime("bun") },
  { name: "Deno 2.9", tests: inRuntime("deno") },
  { name: "workerd", tests: inRuntime("workerd") },
  { name: "clients", tests: inRuntime("client") },
  { name: "proxies", tests: ["--project", "matrix-proxies"] },
];
/** Of the table: the runs that are of a runtime, and the proxies. */
const COLUMNS = [...RUNS.slice(0, -2).map(({ name }) => name), "nginx", "haproxy", "caddy"];

/** What the suite calls the group of what an adapter is not held to. */
const MISSING = "is not held to";
const README = "README.md";
const MARKED = /(?<=<!-- The next lines are written by `npm run matrix`. -->\n)[^]*(?=<!-- Up to here. -->)/;

const folder = mkdtempSync(join(tmpdir(), "holdfast-matrix-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Runs tests; none is a failure too. */
async function resultsOf({ name, node, tests }: Run): Promise<readonly Result[]> {
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

/** What is known of one adapter in one place. */
interface Cell {
  failed: number;
  readonly reasons: Set<string>;
}

/** By adapter, then by column. */
const cells = new Map<string, Map<string, Cell>>();

function enter(run: string, { ancestorTitles, fullName, status }: Result): void {
  const [outer = "", inner = ""] = ancestorTitles;
  const isBehind = outer.startsWith("behind ");
  const [adapter, column] = isBehind ? [inner, outer.slice("behind ".length)] : [outer, run];
  // Of the proxies' own tests, and of the client's, the table does not speak.
  if (!COLUMNS.includes(column) || adapter === "") return;
  const row = cells.get(adapter) ?? new Map<string, Cell>();
  const cell = row.get(column) ?? { failed: 0, reasons: new Set<string>() };
  cells.set(adapter, row.set(column, cell));
  if (status === "failed") cell.failed++;
  if (ancestorTitles.includes(MISSING)) cell.reasons.add(fullName.slice(fullName.indexOf(": ") + 2));
}

function table(): string {
  const reasons: string[] = [];
  const noteOf = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return `<sup>${reasons.indexOf(reason) + 1}</sup>`;
  };
  const show = (cell: Cell | undefined): string => {
    if (cell === undefined) return "";
    return [cell.failed === 0 ? "✓" : "✗", ...[...cell.reasons].map(noteOf)].join(" ");
  };
  const sorted = [...cells].toSorted(([one], [other]) => one.localeCompare(other));
  const lines = sorted.map(([adapter, row]) => [adapter, ...COLUMNS.map((column) => show(row.get(column)))]);
  const body = [["", ...COLUMNS], ["---", ...COLUMNS.map(() => "---")], ...lines];
  const notes = reasons.map((reason, index) => `${index + 1}. ${reason}`);
  return [...body.map((line) => `| ${line.join(" | ")} |`), "", ...notes].join("\n");
}

let passed = 0;
let failed = 0;
for (const run of RUNS) {
  const results = await resultsOf(run);
  for (const result of results) {
    enter(run.name, result);
    if (result.status === "passed") passed++;
    if (result.status === "failed") failed++;
  }
  if (!results.some(({ status }) => status === "passed")) failed++;
}

const written = readFileSync(README, "utf8");
const now = `\n${table()}\n\n`;
console.log(now);
if (process.env.CI && written.match(MARKED)?.[0] !== now) {
  console.log("The README says something else: `npm run matrix` writes it.");
  failed++;
} else if (failed === 0) {
  writeFileSync(
    README,
    written.replace(MARKED, () => now),
  );
} else {
  console.log("The README is left as it is.");
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
