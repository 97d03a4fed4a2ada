import { medianOf, overloaded, ratioOf, type Result, valuesOf } from "./results.ts";
import { table } from "./table.ts";
import { type Column, LOAD_CPU, OTHER_CPU, type Workload } from "./workload.ts";

/** Formats one row of a workload: for each subject the median (minimum-maximum), and the ratio to the reference. */
export function rowText(workload: Workload, results: readonly Result[]): string {
  const columns = workload.columns.filter((column) =>
    results.some((result) => valuesOf(result, column.figure).length > 0),
  );
  const shares = [LOAD_CPU, OTHER_CPU].filter((share) =>
    results.some((result) => valuesOf(result, share).length > 0),
  );
  const head = ["", ...columns.map(({ title }) => title), "ratio", ...shares, ""];
  const body = results.map((result) => [
    `  ${result.subject}`,
    ...columns.map((column) => cell(result, column)),
    ratio(result, columns),
    ...shares.map((share) => percent(Math.max(...valuesOf(result, share)))),
    remark(result),
  ]);
  return `${workload.name}  ${results[0]?.row}\n${table([head, ...body])}\n`;
}

function cell(result: Result, { figure, digits }: Column): string {
  const values = valuesOf(result, figure);
  const median = medianOf(result, figure);
  if (median === undefined) return "-";
  const show = (value: number): string => value.toFixed(digits);
  if (values.length === 1) return show(median);
  return `${show(median)} (${show(Math.min(...values))}-${show(Math.max(...values))})`;
}

function ratio(result: Result, columns: readonly Column[]): string {
  const value = ratioOf(result, columns[0]?.figure ?? "");
  return value === undefined ? "-" : `${value.toFixed(2)}x`;
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(0)} %` : "-";
}

function remark(result: Result): string {
  if (result.failures.length > 0) return `failed: ${result.failures[0]}`;
  return overloaded(result) ? "load generator saturated: unreliable" : "";
}
