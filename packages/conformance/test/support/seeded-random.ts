import { onTestFailed } from "vitest";

/** Random numbers in [0, 1) by mulberry32: the same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random numbers for one test. If it fails, it prints the seed; the timing of the network differs all the same. */
export function seededRandom(): () => number {
  const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 32);
  onTestFailed(() => console.log(`To repeat it: HOLDFAST_SEED=${seed}`));
  return randomFrom(seed);
}
