/** Random choices that depend only on the seed. */
export interface Random {
  /** A number in [0, 1), by mulberry32. */
  (): number;
  /** An integer from 0 to `below - 1`. */
  readonly int: (below: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(values: readonly T[]) => T;
}

export function createRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return Object.assign(next, {
    int,
    chance: (probability: number) => next() < probability,
    pick: <T>(values: readonly T[]) => values[int(values.length)] as T,
  });
}
