import { Violation } from "../harness/wait.ts";

/** The heap counts as flat if it grows by less than this between the first and the last quarter, in bytes. */
const MARGIN = 2 << 20;

/**
 * By how many bytes the smallest heap of the last quarter exceeds that of the first one. The smallest, because code that is
 * compiled and caches that fill only ever add to a measurement.
 */
export function heapGrowth(measurements: readonly number[]): number {
  const quarter = Math.ceil(measurements.length / 4);
  return Math.min(...measurements.slice(-quarter)) - Math.min(...measurements.slice(0, quarter));
}

/** Throws a {@link Violation} if the heap has grown. Fewer than four rounds only warm a process up. */
export function checkFlat(measurements: readonly number[]): void {
  if (measurements.length < 4 || heapGrowth(measurements) <= MARGIN) return;
  const sizes = measurements.map((bytes) => (bytes / (1 << 20)).toFixed(1));
  throw new Violation(`The heap grows, MiB after each round: ${sizes.join(" ")}`);
}
