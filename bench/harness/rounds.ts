import type { Results } from "./results.ts";
import type { Figures, Scenario, Workload } from "./workload.ts";

/** After how many other subjects the reference is measured again: a machine may change its speed within a round. */
const SUBJECTS_PER_REFERENCE = 7;

type Rows = Readonly<Record<string, Figures>>;

interface Measurement {
  readonly subject: string;
  readonly rows: Rows;
  readonly failure?: string;
}

/**
 * Measures the subjects in interleaved rounds (A B C, A B C), so that a disturbance of the machine affects all of them,
 * and compares each measurement with those of the reference just before and just after it.
 *
 * @returns the names of the rows
 */
export async function measureInterleaved(
  workload: Workload,
  scenario: Scenario,
  results: Results,
  onProgress: (line: string) => void,
): Promise<readonly string[]> {
  const [reference = ""] = scenario.subjects;
  const measurements: Measurement[] = [];
  for (let round = 1; round <= scenario.rounds; round++) {
    for (const subject of withRepeatedReference(scenario.subjects)) {
      onProgress(`${workload.name}  round ${round} of ${scenario.rounds}  ${subject}`);
      measurements.push(await measure(scenario, subject));
    }
  }
  const rows = [...new Set(measurements.flatMap((measurement) => Object.keys(measurement.rows)))];
  for (const [index, { subject, rows: own, failure }] of measurements.entries()) {
    for (const row of rows) {
      const result = results.of(workload.name, row, subject, reference);
      const figures = own[row];
      if (failure !== undefined) result.failures.push(failure);
      if (figures !== undefined)
        result.rounds.push({ figures, references: referencesAround(measurements, index, row, reference) });
    }
  }
  const [first] = measurements;
  if (rows.length === 0 && first?.failure !== undefined)
    throw new Error(`${workload.name}: ${first.failure}`);
  return rows;
}

function withRepeatedReference(subjects: readonly string[]): readonly string[] {
  const [reference, ...others] = subjects;
  return others.length === 0
    ? subjects
    : others.flatMap((subject, index) =>
        index % SUBJECTS_PER_REFERENCE === 0 && reference !== undefined ? [reference, subject] : [subject],
      );
}

async function measure(scenario: Scenario, subject: string): Promise<Measurement> {
  try {
    return { subject, rows: await scenario.measure(subject) };
  } catch (error) {
    return { subject, rows: {}, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** The figures of the reference just before and just after a measurement; for the reference itself, its own. */
function referencesAround(
  measurements: readonly Measurement[],
  index: number,
  row: string,
  reference: string,
): readonly Figures[] {
  const isReference = ({ subject, rows }: Measurement): boolean => subject === reference && row in rows;
  const own = measurements[index];
  const neighbours =
    own !== undefined && isReference(own)
      ? [own]
      : [measurements.slice(0, index).findLast(isReference), measurements.slice(index).find(isReference)];
  return neighbours.flatMap((measurement) => {
    const figures = measurement?.rows[row];
    return figures === undefined ? [] : [figures];
  });
}
