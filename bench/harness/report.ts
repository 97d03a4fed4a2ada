import { medianOf, overloaded, ratioOf, type Result, valuesOf } from "./results.ts";
import { table } from "./table.ts";
import { type Column, LOAD, OTHERS, type Workload } from "./workload.ts";

/** One row of a workload as text: its subjects, the medians with least and most, and the ratio to the reference. */
export function rowText(workload: Workload, results: readonly Result[]): string {
  const columns = workload.columns.filter((column) =>
    results.some((result) => valuesOf(result, column.figure).length > 0),
  );
  const parts = [LOAD, OTHERS].filter((part) => results.some((result) => valuesOf(result, part).length > 0));
  const head = ["", ...columns.map(({ title }) => title), "ratio", ...parts, ""];
  const body = results.map((result) => [
    `  ${result.subject}`,
    ...columns.map((column) => cell(result, column)),
    ratio(result, columns),
    ...parts.map((part) => percent(Math.max(...valuesOf(result, part)))),
    remark(result),
  ]);
  return `${workload.name}  ${results[0]?.row}\n${table([head, ...body])}\n`;
}

function cell(result: Result, { figure, digits }: Column): string {
  const values = valuesOf(result, figure);
  const middle = medianOf(result, figure);
  if (middle === undefined) return "-";
  const show = (value: number): string => value.toFixed(digits);
  if (values.length === 1) return show(middle);
  return `${show(middle)} (${show(Math.min(...values))}-${show(Math.max(...values))})`;
}

function ratio(result: Result, columns: readonly Column[]): string {
  const value = ratioOf(result, columns[0]?.figure ?? "");
  return value === undefined ? "-" : `${value.toFixed(2)}x`;
}

function percent(part: number): string {
  return Number.isFinite(part) ? `${(part * 100).toFixed(0)} %` : "-";
}

function remark(result: Result): string {
  if (result.failures.length > 0) return `failed: ${result.failures[0]}`;
  return overloaded(result) ? "load over 90 %: read with care" : "";
}
