/**
 * Refuses an option at the door, saying what was expected and what came.
 *
 * @throws TypeError
 */
export function check(ok: boolean, name: string, expected: string, value: unknown): void {
  if (!ok) throw new TypeError(`\`${name}\` must be ${expected}, got ${value as string}.`);
}

/**
 * @param allowed separated by `|`
 * @throws TypeError
 */
export function checkOneOf(name: string, value: string, allowed: string): void {
  check(allowed.split("|").includes(value), name, allowed, value);
}
