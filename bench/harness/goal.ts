import { medianOf, ratioOf, type Result, type Results } from "./results.ts";

/** A goal for one figure of ours: a limit for its ratio to a reference in the same run, or for the figure itself. */
export interface Goal {
  readonly workload: string;
  /** May be left out when the workload has only one row. */
  readonly row?: string;
  readonly figure: string;
  readonly unit: string;
  readonly ours: string;
  /** Left out when `limit` is in `unit`. */
  readonly reference?: string;
  readonly limit: number;
  /** The limit of `bench:check`, which finds regressions by a factor, not by a percent. */
  readonly checkLimit?: number;
}

export interface GoalResult {
  readonly goal: Goal;
  readonly row: string;
  readonly ours: number;
  /** What is compared with the limit: the ratio to the reference, or `ours` itself. */
  readonly reached: number;
  readonly met: boolean;
}

/** Compares a goal with the results; `undefined` when one of its sides was not measured. */
export function evaluateGoal(goal: Goal, results: Results): GoalResult | undefined {
  const row = goal.row ?? results.all.find(({ workload }) => workload === goal.workload)?.row;
  if (row === undefined) return undefined;
  const result = results.find(goal.workload, row, goal.ours);
  const ours = result && medianOf(result, goal.figure);
  const reached = goal.reference === undefined ? ours : ratioTo(goal.reference, result, goal, results);
  if (ours === undefined || reached === undefined) return undefined;
  return { goal, row, ours, reached, met: reached <= goal.limit };
}

/** Ours to `other`, computed from the ratio of each to the reference of the row. */
function ratioTo(
  other: string,
  ours: Result | undefined,
  { workload, figure }: Goal,
  results: Results,
): number | undefined {
  const theirs = ours && results.find(workload, ours.row, other);
  const ourRatio = ours && ratioOf(ours, figure);
  const theirRatio = theirs && ratioOf(theirs, figure);
  return ourRatio === undefined || theirRatio === undefined ? undefined : ourRatio / theirRatio;
}
