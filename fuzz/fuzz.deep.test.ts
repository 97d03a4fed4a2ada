import { test } from "vitest";
import { randomSeed } from "./options.ts";
import { targets } from "./targets.ts";

// A short run. `pnpm fuzz` takes minutes, and measures memory.

const CONNECTIONS = 40;

test.concurrent.for(targets)("$name holds under attack", async ({ run }, { expect, onTestFailed }) => {
  const seed = randomSeed();
  onTestFailed(() => console.log(`The seed was ${seed}.`));
  const result = await run({ connections: CONNECTIONS, rounds: 1, seed });
  expect(result.connections).toBeGreaterThanOrEqual(CONNECTIONS);
  expect(result.events).toBeGreaterThan(0);
});
