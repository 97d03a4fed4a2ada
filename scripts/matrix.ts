/**
 * Runs the adapter suite for every adapter on every runtime that it supports and behind every proxy, prints the results
 * as a table and writes that table to docs/runtimes.md. Under CI it fails if the page has another table. The last line
 * is "N passed, N failed".
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRuntime, type Runtime } from "../packages/conformance/test/runtimes/find-runtime.ts";

/** Tests that one vitest process runs, under one version of Node. */
interface Run {
  readonly name: string;
  readonly node?: Runtime;
  readonly tests: readonly string[];
}

interface Result {
  /** The names of the groups, the outermost first. */
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
/** The table's columns: the runtimes (all runs but the last two), then the proxies. */
const COLUMNS = [...RUNS.slice(0, -2).map(({ name }) => name), "nginx", "haproxy", "caddy"];

/** The suite's name for the group of skipped tests that give the reason for each missing capability. */
const MISSING = "missing capabilities";
const PAGE = "docs/runtimes.md";
const MARKED = /(?<=<!-- `npm run matrix` writes the table from here -->\n)[^]*(?=<!-- to here. -->)/;

const folder = mkdtempSync(join(tmpdir(), "holdfast-matrix-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Runs the tests and reports them on one line. A run without a passed test has failed. */
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

/** The results of one adapter in one column. */
interface Cell {
  failed: number;
  readonly reasons: Set<string>;
}

/** By adapter, then by column. */
const cells = new Map<string, Map<string, Cell>>();

function record(run: string, { ancestorTitles, fullName, status }: Result): void {
  const [outer = "", inner = ""] = ancestorTitles;
  const isBehind = outer.startsWith("behind ");
  const [adapter, column] = isBehind ? [inner, outer.slice("behind ".length)] : [outer, run];
  // The tests of the client and of the proxies themselves are not in the table.
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
    record(run.name, result);
    if (result.status === "passed") passed++;
    if (result.status === "failed") failed++;
  }
  if (!results.some(({ status }) => status === "passed")) failed++;
}

const hasReasons = [...cells.values()].some((row) =>
  [...row.values()].some(({ reasons }) => reasons.size > 0),
);
if (!hasReasons) {
  console.log(`No adapter has a test group named "${MISSING}": was it renamed in the suite?`);
  failed++;
}

const page = readFileSync(PAGE, "utf8");
const generated = `\n${table()}\n\n`;
console.log(generated);
if (process.env.CI && page.match(MARKED)?.[0] !== generated) {
  console.log(`${PAGE} has another table: run \`npm run matrix\` to update it.`);
  failed++;
} else if (failed === 0) {
  writeFileSync(
    PAGE,
    page.replace(MARKED, () => generated),
  );
} else {
  console.log(`${PAGE} was not changed.`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
