/** Fails when something has become slower by a factor; the bench itself measures percents. Takes a minute and a half. */
import { goals } from "./goals.ts";
import { evaluateGoal } from "./harness/goal.ts";
import { Results } from "./harness/results.ts";
import { measureInterleaved } from "./harness/rounds.ts";
import type { Scenario, Settings, Workload } from "./harness/workload.ts";
import { fanOut } from "./workloads/w1-fan-out.ts";
import { tokens } from "./workloads/w2-tokens.ts";
import { idle } from "./workloads/w3-idle.ts";
import { replay } from "./workloads/w4-replay.ts";
import { encoding } from "./workloads/w5-encoding.ts";
import { slowClient } from "./workloads/w7-slow-client.ts";
import { shortConnections } from "./workloads/w8-short-connections.ts";
import { streamCount } from "./workloads/w9-stream-count.ts";
import { members } from "./workloads/w12-multiplex.ts";
import { compression } from "./workloads/w13-compression.ts";

/** Another process may disturb a measurement, so a failed check is repeated. */
const ATTEMPTS = 3;

const checkedGoals = goals.filter(({ checkLimit }) => checkLimit !== undefined);
const settings: Settings = {
  quick: true,
  rounds: () => 1,
  select: (subjects) =>
    subjects.filter((subject) =>
      checkedGoals.some(({ ours, reference }) => subject === ours || subject === reference),
    ),
};

const checks: readonly (readonly [Workload, Scenario | undefined])[] = [
  [fanOut, fanOut.scenarios(settings)[0]],
  [tokens, tokens.scenarios(settings)[0]],
  [idle, idle.scenarios(settings)[0]],
  [replay, replay.scenarios(settings)[1]],
  ...encoding.scenarios(settings).map((scenario) => [encoding, scenario] as const),
  [slowClient, slowClient.scenarios(settings)[0]],
  [shortConnections, shortConnections.scenarios(settings)[0]],
  [streamCount, streamCount.scenarios(settings)[0]],
  [members, members.scenarios(settings)[0]],
  [compression, compression.scenarios(settings)[0]],
];

let failed = 0;
for (const [workload, scenario] of checks) {
  if (scenario === undefined) continue;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const results = new Results();
    const rows = await measureInterleaved(
      workload,
      { ...scenario, subjects: settings.select(scenario.subjects) },
      results,
      () => undefined,
    );
    const goalResults = checkedGoals
      .filter(
        (goal) => goal.workload === workload.name && (goal.row === undefined || rows.includes(goal.row)),
      )
      .map((goal) => ({ goal, result: evaluateGoal(goal, results) }));
    const exceeded = goalResults.some(
      ({ goal, result }) => !(result && result.reached <= (goal.checkLimit ?? 0)),
    );
    if (exceeded && attempt < ATTEMPTS) continue;
    for (const { goal, result } of goalResults) {
      const ok = result !== undefined && result.reached <= (goal.checkLimit ?? 0);
      if (!ok) failed++;
      const reached = result?.reached.toFixed(2) ?? "not measured";
      const unit = goal.reference === undefined ? goal.unit : `x ${goal.reference}`;
      console.log(
        `${ok ? "ok    " : "FAILED"}  ${goal.workload} ${result?.row}: ${goal.ours} ${reached}, limit ${goal.checkLimit} ${unit}`,
      );
    }
    break;
  }
}
process.exitCode = failed > 0 ? 1 : 0;
