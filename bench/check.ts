/** Fails when something costs a factor of what it did; a percent is for the bench itself. Under a minute. */
import { goals, judge } from "./goals.ts";
import { Results } from "./harness/results.ts";
import { interleave } from "./harness/rounds.ts";
import type { Run, Scale, Workload } from "./harness/workload.ts";
import { fanOut } from "./workloads/w1-fan-out.ts";
import { replay } from "./workloads/w4-replay.ts";
import { encoding } from "./workloads/w5-encoding.ts";
import { stalled } from "./workloads/w7-stalled.ts";
import { visits } from "./workloads/w8-visits.ts";
import { growth } from "./workloads/w9-growth.ts";

/** A machine that is busy with something else is no reason to fail. */
const ATTEMPTS = 3;

const alarms = goals.filter(({ alarm }) => alarm !== undefined);
const scale: Scale = {
  quick: true,
  rounds: () => 1,
  choose: (subjects) =>
    subjects.filter((subject) =>
      alarms.some(({ ours, reference }) => subject === ours || subject === reference),
    ),
};

const checked: readonly (readonly [Workload, Run | undefined])[] = [
  [fanOut, fanOut.runs(scale)[0]],
  [replay, replay.runs(scale)[1]],
  ...encoding.runs(scale).map((run) => [encoding, run] as const),
  [stalled, stalled.runs(scale)[0]],
  [visits, visits.runs(scale)[0]],
  [growth, growth.runs(scale)[0]],
];

let failed = 0;
for (const [workload, run] of checked) {
  if (run === undefined) continue;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const results = new Results();
    const rows = await interleave(
      workload,
      { ...run, subjects: scale.choose(run.subjects) },
      results,
      () => undefined,
    );
    const verdicts = alarms
      .filter(
        (goal) => goal.workload === workload.name && (goal.row === undefined || rows.includes(goal.row)),
      )
      .map((goal) => ({ goal, verdict: judge(goal, results) }));
    const over = verdicts.some(({ goal, verdict }) => !(verdict && verdict.reached <= (goal.alarm ?? 0)));
    if (over && attempt < ATTEMPTS) continue;
    for (const { goal, verdict } of verdicts) {
      const ok = verdict !== undefined && verdict.reached <= (goal.alarm ?? 0);
      if (!ok) failed++;
      const reached = verdict?.reached.toFixed(2) ?? "not measured";
      const of = goal.reference === undefined ? goal.unit : `x ${goal.reference}`;
      console.log(
        `${ok ? "ok    " : "FAILED"}  ${goal.workload} ${verdict?.row}: ${goal.ours} ${reached}, at most ${goal.alarm} ${of}`,
      );
    }
    break;
  }
}
process.exitCode = failed > 0 ? 1 : 0;
