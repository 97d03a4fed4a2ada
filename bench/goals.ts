import { medianOf, ratioOf, type Result, type Results } from "./harness/results.ts";
import { NCHAN, REFERENCE } from "./peers/index.ts";
import { ROWS } from "./workloads/w10-store.ts";

/** What we want to reach: one figure of ours, against somebody's in the same run or against a number. */
export interface Goal {
  readonly workload: string;
  /** Left out where the workload has only one. */
  readonly row?: string;
  readonly figure: string;
  readonly unit: string;
  readonly ours: string;
  /** Left out where `limit` is in `unit`. */
  readonly reference?: string;
  readonly limit: number;
  /** What `bench:check` takes for broken: a factor, not a percent. */
  readonly alarm?: number;
}

const NODE = "@holdfast/node-http";
const QUOTED = "1,000 clients, 100 B";

const fanOut = (ours: string, limit: number, alarm?: number, reference: string = REFERENCE): Goal[] =>
  [", paced", ", burst"].map((how) => ({
    workload: "W1",
    row: QUOTED + how,
    figure: "cpu",
    unit: "us/event",
    ours,
    reference,
    limit,
    ...(alarm !== undefined && { alarm }),
  }));

const encoding = (row: string, ours: string, reference: string, alarm: number): Goal => ({
  workload: "W5",
  row,
  figure: "ns",
  unit: "ns/event",
  ours,
  reference,
  limit: 1.2,
  alarm,
});

/** 50,000 a second. */
const appends = (ours: string): Goal => ({
  workload: "W10",
  row: ROWS.appends,
  figure: "us",
  unit: "us/append",
  ours,
  limit: 20,
});

/** Flat. */
const grown = (ours: string): Goal => ({
  workload: "W10",
  row: ROWS.growth,
  figure: "redis",
  unit: "us/event",
  ours,
  reference: "10 streams",
  limit: 1.2,
});

const against = { ours: NODE, reference: REFERENCE };

export const goals: readonly Goal[] = [
  ...fanOut(NODE, 1, 2.5),
  ...fanOut(NODE, 1, undefined, NCHAN),
  ...fanOut("@holdfast/express", 1.15),
  ...fanOut("@holdfast/hono", 1.15),
  ...fanOut("holdfast toResponse", 1.45),
  { workload: "W2", figure: "cpu", unit: "us/token", ...against, limit: 1 },
  { workload: "W2", figure: "p99", unit: "us", ...against, limit: 2 },
  { workload: "W3", figure: "kib", unit: "KiB each", ...against, limit: 1.1 },
  { workload: "W3", figure: "cpu", unit: "us/heartbeat", ...against, limit: 0.7 },
  {
    workload: "W4",
    row: "10,000 events",
    figure: "event",
    unit: "us/event",
    ...against,
    limit: 0.1,
    alarm: 0.6,
  },
  encoding("an object, 100 B of JSON", "encodeEvent", "template", 3),
  encoding("text of 4 KiB in 64 lines", "encodeEvent", "template", 3),
  encoding("an object, 100 B of JSON, into a slab", "append to a log", "template into a slab", 20),
  encoding("text of 4 KiB in 64 lines, into a slab", "append to a log", "template into a slab", 8),
  // The log of a stream is 1 MiB.
  { workload: "W7", figure: "heap", unit: "MB heap + external", ours: NODE, limit: 3, alarm: 6 },
  { workload: "W7", figure: "rss", unit: "MB RSS", ...against, limit: 0.25 },
  { workload: "W8", figure: "cpu", unit: "us/connection", ...against, limit: 1.15, alarm: 5 },
  { workload: "W8", figure: "heap", unit: "MB heap", ours: NODE, limit: 0.5, alarm: 3 },
  {
    workload: "W9",
    figure: "cpu",
    unit: "us/event",
    ours: "10,000 streams",
    reference: "1 stream",
    limit: 2,
    alarm: 8,
  },
  appends("redis"),
  appends("ioredis"),
  grown("100 streams"),
  grown("1,000 streams"),
  grown("5,000 streams"),
  { workload: "W10", row: ROWS.wakes, figure: "p50", unit: "us", ours: "holdfast", limit: 1_000 },
];

export interface Verdict {
  readonly goal: Goal;
  readonly row: string;
  readonly ours: number;
  /** Ours in terms of the goal: a ratio, or `ours` itself. */
  readonly reached: number;
  readonly met: boolean;
}

/** How it stands with a goal; `undefined` when one of its sides was not measured. */
export function judge(goal: Goal, results: Results): Verdict | undefined {
  const row = goal.row ?? results.all.find(({ workload }) => workload === goal.workload)?.row;
  if (row === undefined) return undefined;
  const result = results.find(goal.workload, row, goal.ours);
  const ours = result && medianOf(result, goal.figure);
  const reached = goal.reference === undefined ? ours : ratioTo(goal.reference, result, goal, results);
  if (ours === undefined || reached === undefined) return undefined;
  return { goal, row, ours, reached, met: reached <= goal.limit };
}

/** Both are known in terms of the row's reference. */
function ratioTo(
  other: string,
  ours: Result | undefined,
  { workload, figure }: Goal,
  results: Results,
): number | undefined {
  const theirs = ours && results.find(workload, ours.row, other);
  const ratio = ours && ratioOf(ours, figure);
  const base = theirs && ratioOf(theirs, figure);
  return ratio === undefined || base === undefined ? undefined : ratio / base;
}
