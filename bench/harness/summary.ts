import type { Verdict } from "../goals.ts";
import { OURS, REFERENCE } from "../peers/index.ts";
import { medianOf, type Results } from "./results.ts";
import { table } from "./table.ts";

/** No peers but yardsticks, and what is ours. */
const YARDSTICKS: readonly string[] = [
  REFERENCE,
  "raw socket",
  ...OURS,
  "template",
  "template into a slab",
  "encodeEvent",
  "append to a log",
  "push to a stream",
  "redis",
  "ioredis",
  "holdfast",
];

/** A size, and nobody. */
const SIZE = /^[\d,]+ streams?$/;

/** Where we stand: one line for each goal. */
export function summary(verdicts: readonly Verdict[], results: Results): string {
  const head = ["row", "goal", "ours", "best peer", "ratio", "met"];
  const body = verdicts.map(({ goal, row, ours, reached, met }) => {
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
    .filter(({ subject }) => !YARDSTICKS.includes(subject) && !SIZE.test(subject))
    .flatMap((result) => ({ subject: result.subject, value: medianOf(result, figure) ?? Infinity }))
    .toSorted((a, b) => a.value - b.value);
  return best === undefined ? "-" : `${best.subject} ${brief(best.value)}`;
}

function brief(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0);
}
