/** `npm run bench`: runs the selected workloads, prints a table for each and the table of goals. */
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus } from "node:os";
import { goals } from "./goals.ts";
import { pinned } from "./harness/child.ts";
import { evaluateGoal } from "./harness/goal.ts";
import { readOptions } from "./harness/options.ts";
import { createProgress } from "./harness/progress.ts";
import { rowText } from "./harness/report.ts";
import { Results } from "./harness/results.ts";
import { measureInterleaved } from "./harness/rounds.ts";
import { summary } from "./harness/summary.ts";
import { notes } from "./peers/index.ts";
import { missingPrograms } from "./peers/installed-programs.ts";
import { scaleWorkloads } from "./scale/index.ts";
import { workloads } from "./workloads/index.ts";

const options = readOptions(process.argv.slice(2));
const results = new Results();
const progress = createProgress();
const start = performance.now();

console.log(
  pinned
    ? "The server runs on core 0, the load generator on core 1."
    : "Not pinned to cores: the figures are less reliable.",
);
for (const line of missingPrograms) console.log(line);
for (const workload of (options.scale ? scaleWorkloads : workloads).filter(({ name }) =>
  options.includes(name),
)) {
  console.log(`\n${workload.name}: ${workload.title}\n`);
  for (const scenario of workload.scenarios(options)) {
    const rows = await measureInterleaved(workload, scenario, results, progress);
    progress("");
    for (const row of rows) console.log(rowText(workload, results.row(workload.name, row)));
  }
}

const goalResults = goals.flatMap((goal) => evaluateGoal(goal, results) ?? []);
if (goalResults.length > 0) console.log(`${summary(goalResults, results)}\n`);

for (const [peer, note] of Object.entries(notes)) {
  if (results.all.some(({ subject }) => subject === peer)) console.log(`${peer}: ${note}`);
}

const folder = new URL("results/", import.meta.url);
const machine = {
  node: process.version,
  arch: arch(),
  cores: availableParallelism(),
  cpu: cpus()[0]?.model,
  pinned,
};
mkdirSync(folder, { recursive: true });
writeFileSync(
  new URL("latest.json", folder),
  JSON.stringify(
    { at: new Date(), quick: options.quick, machine, goals: goalResults, results: results.all },
    null,
    2,
  ),
);
console.log(
  `${((performance.now() - start) / 60_000).toFixed(1)} minutes; raw figures in bench/results/latest.json`,
);
