import type { Results } from "./results.ts";
import type { Figures, Run, Workload } from "./workload.ts";

/** The reference is measured again after so many others: a machine may change its speed within a round. */
const STRETCH = 7;

type Rows = Readonly<Record<string, Figures>>;

interface Measurement {
  readonly subject: string;
  readonly rows: Rows;
  readonly failure?: string;
}

/**
 * Measures A B C, then A B C again: what disturbs the machine for a while disturbs everybody. Everything is compared
 * with the reference as it was just before and just after.
 *
 * @returns the names of the rows
 */
export async function interleave(
  workload: Workload,
  run: Run,
  results: Results,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  const [reference = ""] = run.subjects;
  const done: Measurement[] = [];
  for (let round = 1; round <= run.rounds; round++) {
    for (const subject of withReference(run.subjects)) {
      tell(`${workload.name}  round ${round} of ${run.rounds}  ${subject}`);
      done.push(await attempt(run, subject));
    }
  }
  const rows = [...new Set(done.flatMap((measurement) => Object.keys(measurement.rows)))];
  for (const [index, { subject, rows: own, failure }] of done.entries()) {
    for (const row of rows) {
      const result = results.of(workload.name, row, subject, reference);
      const figures = own[row];
      if (failure !== undefined) result.failures.push(failure);
      if (figures !== undefined) result.rounds.push({ figures, bases: basesAt(done, index, row, reference) });
    }
  }
  const [first] = done;
  if (rows.length === 0 && first?.failure !== undefined)
    throw new Error(`${workload.name}: ${first.failure}`);
  return rows;
}

function withReference(subjects: readonly string[]): readonly string[] {
  const [reference, ...others] = subjects;
  return others.length === 0
    ? subjects
    : others.flatMap((subject, index) =>
        index % STRETCH === 0 && reference !== undefined ? [reference, subject] : [subject],
      );
}

async function attempt(run: Run, subject: string): Promise<Measurement> {
  try {
    return { subject, rows: await run.measure(subject) };
  } catch (error) {
    return { subject, rows: {}, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** The reference's figures before and after a measurement; for the reference itself its own. */
function basesAt(
  done: readonly Measurement[],
  index: number,
  row: string,
  reference: string,
): readonly Figures[] {
  const has = ({ subject, rows }: Measurement): boolean => subject === reference && row in rows;
  const own = done[index];
  const neighbours =
    own !== undefined && has(own) ? [own] : [done.slice(0, index).findLast(has), done.slice(index).find(has)];
  return neighbours.flatMap((measurement) => {
    const figures = measurement?.rows[row];
    return figures === undefined ? [] : [figures];
  });
}
