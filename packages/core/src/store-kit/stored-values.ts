// The store suite tests it.

/** Stores add such numbers to the time, and most of them count exactly up to 2 ** 53 only. */
const LARGEST_INTEGER = 2 ** 52;

/** A number of ms, events or bytes as a store keeps it: `Infinity` is very many. */
export function toInteger(value: number): number {
  return Math.min(Math.ceil(value), LARGEST_INTEGER);
}

/** A new text that names the data of a store. */
export function makeMarker(random: () => number): string {
  return Array.from({ length: 4 }, () => random().toString(36).slice(2, 8)).join("");
}
