import { OURS, REFERENCE } from "../peers/index.ts";
import { OURS as STORE_SUBJECTS } from "../store/implementations.ts";
import { stores } from "../store/stores.ts";
import type { GoalResult } from "./goal.ts";
import { medianOf, type Results } from "./results.ts";
import { table } from "./table.ts";

/** Subjects that are not other libraries: the reference, lower bounds, and holdfast itself. */
const NOT_PEERS: readonly string[] = [
  REFERENCE,
  "raw socket",
  ...OURS,
  "template",
  "template into a slab",
  "encodeEvent",
  "append to a log",
  "push to a stream",
  ...Object.keys(stores),
  ...STORE_SUBJECTS,
];

/** Subjects that are only a size. */
const STREAM_COUNT = /^[\d,]+ streams?$|^holdfast\.notify/;

/** The table of goals: one line each. */
export function summary(goalResults: readonly GoalResult[], results: Results): string {
  const head = ["row", "goal", "ours", "best peer", "ratio", "met"];
  const body = goalResults.map(({ goal, row, ours, reached, met }) => {
    const ratio = goal.reference !== undefined;
    return [
      `${goal.workload} ${row}: ${goal.ours}`,
      ratio ? `<= ${goal.limit}x ${goal.reference}` : `<= ${goal.limit} ${goal.unit}`,
      `${brief(ours)} ${goal.unit}`,
      bestPeer(goal.workload, row, goal.figure, results),
      ratio ? `${reached.toFixed(2)}x` : "",
      met ? "yes" : "no",
    ];
  });
  return table([head, ...body]);
}

function bestPeer(workload: string, row: string, figure: string, results: Results): string {
  const [best] = results
    .row(workload, row)
    .filter(({ subject }) => !NOT_PEERS.includes(subject) && !STREAM_COUNT.test(subject))
    .flatMap((result) => ({ subject: result.subject, value: medianOf(result, figure) ?? Infinity }))
    .toSorted((a, b) => a.value - b.value);
  return best === undefined ? "-" : `${best.subject} ${brief(best.value)}`;
}

function brief(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0);
}
