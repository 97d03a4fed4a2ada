/** Measures, and tells where we stand. */
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus } from "node:os";
import { goals, judge } from "./goals.ts";
import { pinned } from "./harness/child.ts";
import { readOptions } from "./harness/options.ts";
import { createProgress } from "./harness/progress.ts";
import { rowText } from "./harness/report.ts";
import { Results } from "./harness/results.ts";
import { interleave } from "./harness/rounds.ts";
import { summary } from "./harness/summary.ts";
import { notes } from "./peers/index.ts";
import { missingServers } from "./peers/servers.ts";
import { workloads } from "./workloads/index.ts";

const options = readOptions(process.argv.slice(2));
const results = new Results();
const progress = createProgress();
const begun = performance.now();

console.log(
  pinned ? "The server runs on core 0, its load on core 1." : "Not pinned to cores: read with care.",
);
for (const line of missingServers) console.log(line);
for (const workload of workloads.filter(({ name }) => options.wants(name))) {
  console.log(`\n${workload.name}: ${workload.title}\n`);
  for (const run of workload.runs(options)) {
    const rows = await interleave(workload, run, results, progress);
    progress("");
    for (const row of rows) console.log(rowText(workload, results.row(workload.name, row)));
  }
}

const verdicts = goals.flatMap((goal) => judge(goal, results) ?? []);
if (verdicts.length > 0) console.log(`${summary(verdicts, results)}\n`);

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
  JSON.stringify({ at: new Date(), quick: options.quick, machine, verdicts, results: results.all }, null, 2),
);
console.log(
  `${((performance.now() - begun) / 60_000).toFixed(1)} minutes; raw figures in bench/results/latest.json`,
);
