/**
 * Runs the adapter suite for every adapter on every runtime that it supports and behind every proxy, and applications in
 * frameworks. It prints the results as tables and writes them to docs/runtimes.md and docs/frameworks.md. Under CI it fails
 * if a page has another table. The last line is "N passed, N failed".
 *
 * `matrix frameworks [name...]` runs only the applications: all of them, or those that are named.
 */
import { readFileSync, writeFileSync } from "node:fs";
import {
  ALL,
  checkFrameworks,
  FRAMEWORKS_PAGE,
  frameworksRun,
  IN_MATRIX,
  tableOf,
  withRows,
} from "./matrix/frameworks.ts";
import { type Result, resultsOf, type Run } from "./matrix/run.ts";

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

interface Tally {
  passed: number;
  failed: number;
}

async function count(run: Run, tally: Tally): Promise<readonly Result[]> {
  const results = await resultsOf(run);
  for (const { status } of results) {
    if (status === "passed") tally.passed++;
    if (status === "failed") tally.failed++;
  }
  if (!results.some(({ status }) => status === "passed")) tally.failed++;
  return results;
}

/** Writes a page with its new table if nothing failed, or under CI compares it. */
function update(file: string, page: string, command: string, tally: Tally): void {
  if (process.env.CI && readFileSync(file, "utf8") !== page) {
    console.log(`${file} has another table: run \`${command}\` to update it.`);
    tally.failed++;
  } else if (tally.failed === 0) {
    writeFileSync(file, page);
  } else {
    console.log(`${file} was not changed.`);
  }
}

async function runAdapters(): Promise<Tally> {
  const tally = { passed: 0, failed: 0 };
  for (const run of RUNS) {
    for (const result of await count(run, tally)) record(run.name, result);
  }
  const hasReasons = [...cells.values()].some((row) =>
    [...row.values()].some(({ reasons }) => reasons.size > 0),
  );
  if (!hasReasons) {
    console.log(`No adapter has a test group named "${MISSING}": was it renamed in the suite?`);
    tally.failed++;
  }
  const generated = `\n${table()}\n\n`;
  console.log(generated);
  const page = readFileSync(PAGE, "utf8").replace(MARKED, () => generated);
  update(PAGE, page, "npm run matrix", tally);
  return tally;
}

async function runFrameworks(names: Parameters<typeof frameworksRun>[0]): Promise<Tally> {
  const tally = { passed: 0, failed: 0 };
  const results = await count(frameworksRun(names), tally);
  const page = withRows(readFileSync(FRAMEWORKS_PAGE, "utf8"), names, results);
  console.log(tableOf(page));
  update(FRAMEWORKS_PAGE, page, "npm run matrix -- frameworks", tally);
  return tally;
}

const [part, ...names] = process.argv.slice(2);
// Installing and building an application leaves room for the other tests.
const tallies =
  part === "frameworks"
    ? [await runFrameworks(names.length > 0 ? checkFrameworks(names) : ALL)]
    : await Promise.all([runAdapters(), runFrameworks(IN_MATRIX)]);
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
