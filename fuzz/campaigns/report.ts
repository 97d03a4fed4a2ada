import { markdownTable } from "../harness/table.ts";
import { emptyResult, type Result } from "./result.ts";

const HEAD = [
  "target",
  "connections",
  "streams read",
  "events checked",
  "resets declared",
  "faults survived",
  "requests refused",
  "growth of the heap",
];

/** The results as one table, with a last row for all of them. */
export function reportTable(results: readonly Result[]): string {
  const total = emptyResult("all");
  for (const result of results) {
    for (const name of [
      "connections",
      "reads",
      "events",
      "resets",
      "faults",
      "refused",
      "nodeAborts",
    ] as const)
      total[name] += result[name];
    total.growth = Math.max(total.growth, result.growth);
  }
  const table = markdownTable([HEAD, ...[...results, total].map(row)]);
  if (total.nodeAborts === 0) return table;
  return `${table}\n\nNode itself has aborted ${total.nodeAborts} times, in ~Http2Session; the servers were started again.`;
}

function row({ target, connections, reads, events, resets, faults, refused, growth }: Result): string[] {
  const counts = [connections, reads, events, resets, faults, refused].map((count) =>
    count.toLocaleString("en"),
  );
  return [target, ...counts, `${Math.round(growth / 1_024).toLocaleString("en")} KiB`];
}
