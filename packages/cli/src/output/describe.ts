import type { Record, Summary } from "../record.ts";

/** A record as one line for people, without escapes. */
export function describe(record: Exclude<Record, { type: "event" | "summary" }>): string {
  if (record.type === "error") return record.message;
  if (record.type === "state") return record.detail ? `${record.status}: ${record.detail}` : record.status;
  switch (record.kind) {
    case "gap":
      return `LOST ${rangeOf(record.from, record.to)}: the server left them out and did not say so`;
    case "reset":
      if (record.lost === null) return `START OVER (${record.reason}): the server cannot continue here`;
      return `LOST ${rangeOf(...record.lost)} (${record.reason}): the server says so`;
    case "double":
      return `DOUBLED ${record.id}: it has arrived before`;
    case "backwards":
      return `OUT OF ORDER ${record.id}: it arrived behind ${record.after}`;
    case "reused":
      return `REUSED ${record.id}: another event had this id`;
    case "restart":
      return `STARTED AGAIN: the client continued behind ${record.cursor}, the server began with the first event`;
  }
}

const rangeOf = (from: number, to: number): string =>
  from === to ? `event ${from}` : `events ${from} to ${to}`;

/** The lines of a summary. */
export function describeSummary(summary: Summary): string[] {
  const { events, connections, cuts, duration, withoutId, holes } = summary;
  const cut = cuts > 0 ? `, ${count(cuts, "cut")}` : "";
  const lines = [
    `${count(events, "event")} in ${(duration / 1_000).toFixed(1)} s, ${count(connections, "connection")}${cut}`,
  ];
  const { lost, doubled, backwards, reused, restarts, resets } = summary;
  const found = Object.entries({ lost, doubled, "out of order": backwards, reused })
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${number} ${name}`);
  if (restarts > 0) found.push(`started again ${times(restarts)}`);
  if (resets > 0) found.push(`had to start over ${times(resets)}`);
  lines.push(found.length > 0 ? found.join(", ") : "nothing lost, nothing doubled");
  if (withoutId > 0)
    lines.push(`${count(withoutId, "event")} without an id: a loss of such events cannot be seen`);
  if (holes > 0) lines.push(`${count(holes, "hole")} in the numbers of the ids, not counted as lost`);
  return lines;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
const times = (number: number): string => (number === 1 ? "once" : `${number} times`);
