import { median } from "./statistics.ts";
import { type Figures, LOAD_CPU } from "./workload.ts";

/** The figures of one round, and those of the reference measured just before and just after it. */
interface Round {
  readonly figures: Figures;
  readonly references: readonly Figures[];
}

/** All rounds of one subject in one row. */
export interface Result {
  readonly workload: string;
  readonly row: string;
  readonly subject: string;
  readonly reference: string;
  readonly rounds: Round[];
  readonly failures: string[];
}

export class Results {
  readonly all: Result[] = [];

  /** The result of a subject in a row, created when it does not exist yet. */
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
}

export function valuesOf(result: Result, figure: string): readonly number[] {
  return result.rounds.flatMap(({ figures }) => figures[figure] ?? []);
}

/** The median over all rounds; `undefined` when there are none. */
export function medianOf(result: Result, figure: string): number | undefined {
  return medianOrUndefined(valuesOf(result, figure));
}

/** The median of each round's ratio to the reference measured around it. */
export function ratioOf(result: Result, figure: string): number | undefined {
  return medianOrUndefined(
    result.rounds.flatMap(({ figures, references }) => {
      const own = figures[figure];
      const others = references.flatMap((reference) => reference[figure] ?? []);
      if (own === undefined || others.length === 0) return [];
      return (own * others.length) / others.reduce((sum, value) => sum + value);
    }),
  );
}

/** Whether the load generator used at least 90 % of its core in any round, so that it may have been the bottleneck. */
export function overloaded(result: Result): boolean {
  return Math.max(0, ...valuesOf(result, LOAD_CPU)) >= 0.9;
}

function medianOrUndefined(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : median(values);
}
