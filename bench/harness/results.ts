import { LOAD, type Figures } from "./workload.ts";
import { median } from "./statistics.ts";

/** What the rounds gave for one subject of one row. */
export interface Result {
  readonly workload: string;
  readonly row: string;
  readonly subject: string;
  readonly reference: string;
  readonly rounds: Figures[];
  readonly failures: string[];
}

export class Results {
  readonly all: Result[] = [];

  of(workload: string, row: string, subject: string, reference: string): Result {
    const known = this.find(workload, row, subject);
    if (known !== undefined) return known;
    const result: Result = { workload, row, subject, reference, rounds: [], failures: [] };
    this.all.push(result);
    return result;
  }

  row(workload: string, row: string): readonly Result[] {
    return this.all.filter((result) => result.workload === workload && result.row === row);
  }

  find(workload: string, row: string, subject: string): Result | undefined {
    return this.row(workload, row).find((result) => result.subject === subject);
  }

  /** The middle of the rounds; `undefined` when there is none. */
  median(workload: string, row: string, subject: string, figure: string): number | undefined {
    const result = this.find(workload, row, subject);
    return result && medianOf(result, figure);
  }
}

export function valuesOf(result: Result, figure: string): readonly number[] {
  return result.rounds.flatMap((round) => round[figure] ?? []);
}

export function medianOf(result: Result, figure: string): number | undefined {
  const values = valuesOf(result, figure);
  return values.length === 0 ? undefined : median(values);
}

/** Whether in some round the load was near the end of its core, and may have slowed the server's clients. */
export function overloaded(result: Result): boolean {
  return Math.max(0, ...valuesOf(result, LOAD)) >= 0.9;
}
