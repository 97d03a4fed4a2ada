/**
 * How many edits turn one name into the other: a letter added, left out or replaced, or two neighbours exchanged. Upper
 * and lower case are the same.
 */
export function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = Number(previous[column - 1]) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = isSwap ? Number(beforePrevious[column - 2]) + 1 : Infinity;
      current.push(
        Math.min(replaced, swapped, Number(previous[column]) + 1, Number(current[column - 1]) + 1),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return Number(previous[b.length]);
}

/** The name that takes the fewest edits, if it takes at most `limit`. */
export function nearestName(
  name: string,
  names: readonly string[],
  limit: number = Infinity,
): string | undefined {
  let nearest: string | undefined;
  let fewest = limit;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance > fewest || (distance === fewest && nearest !== undefined)) continue;
    nearest = candidate;
    fewest = distance;
  }
  return nearest;
}
