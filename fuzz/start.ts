/** `pnpm fuzz`: attacks every target, and prints a table of what they were put through. */
import { reportTable } from "./campaigns/report.ts";
import type { Result } from "./campaigns/result.ts";
import { readOptions } from "./options.ts";
import { targets } from "./targets.ts";

/** How often every target is brought to rest, and its heap measured. */
const ROUNDS = 8;

const { connections, seed, only } = readOptions(process.argv.slice(2));
const selected = targets.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
const results: Result[] = [];

console.log(`Seed ${seed}; the timing of the network differs all the same.`);
for (const { name, run } of selected) {
  const start = performance.now();
  try {
    results.push(await run({ connections: Math.ceil(connections / selected.length), rounds: ROUNDS, seed }));
    console.log(`ok      ${name} (${((performance.now() - start) / 1_000).toFixed(0)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(
      `FAILED  ${name}. To repeat it: pnpm fuzz --connections ${connections} --seed ${seed} --only "${name}"`,
    );
    console.log(error);
  }
}
console.log(`\n${reportTable(results)}`);
