import { median } from "./statistics.ts";
import { type Figures, LOAD } from "./workload.ts";

/** What one measurement gave, and what the reference did around it. */
interface Round {
  readonly figures: Figures;
  readonly bases: readonly Figures[];
}

/** What the rounds gave for one subject of one row. */
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

/** The middle of the rounds; `undefined` when there is none. */
export function medianOf(result: Result, figure: string): number | undefined {
  return middle(valuesOf(result, figure));
}

/** In terms of the reference: the middle of what each round was to the reference around it. */
export function ratioOf(result: Result, figure: string): number | undefined {
  return middle(
    result.rounds.flatMap(({ figures, bases }) => {
      const own = figures[figure];
      const others = bases.flatMap((base) => base[figure] ?? []);
      if (own === undefined || others.length === 0) return [];
      return (own * others.length) / others.reduce((sum, value) => sum + value);
    }),
  );
}

/** Whether in some round the load was near the end of its core, and may have slowed the server's clients. */
export function overloaded(result: Result): boolean {
  return Math.max(0, ...valuesOf(result, LOAD)) >= 0.9;
}

function middle(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : median(values);
}
