import { onTestFailed } from "vitest";

/**
 * Chance for one test: numbers in [0, 1). A test that fails says how to repeat it; what else is different then is the
 * network's doing.
 */
export function seededRandom(): () => number {
  const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 32);
  onTestFailed(() => console.log(`To repeat it: HOLDFAST_SEED=${seed}`));
  let state = seed;
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
