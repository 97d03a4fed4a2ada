import type { Results } from "./results.ts";
import type { Run, Workload } from "./workload.ts";

/** Measures A B C, then A B C again: what disturbs the machine for a while disturbs everybody. */
export async function interleave(
  workload: Workload,
  run: Run,
  results: Results,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  const [reference = ""] = run.subjects;
  const rows = new Set<string>();
  for (let round = 1; round <= run.rounds; round++) {
    for (const subject of run.subjects) {
      tell(`${workload.name}  round ${round} of ${run.rounds}  ${subject}`);
      try {
        for (const [row, figures] of Object.entries(await run.measure(subject))) {
          rows.add(row);
          results.of(workload.name, row, subject, reference).rounds.push(figures);
        }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        for (const row of rows) results.of(workload.name, row, subject, reference).failures.push(reason);
        if (rows.size === 0) throw error;
      }
    }
  }
  return [...rows];
}
