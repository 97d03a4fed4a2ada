/**
 * Refuses an option, and names what was expected and what was given.
 *
 * @throws TypeError
 */
export function validate(isValid: boolean, name: string, expected: string, value: unknown): void {
  if (!isValid) throw new TypeError(`\`${name}\` must be ${expected}, got ${String(value)}.`);
}

/**
 * @param allowed the allowed values, separated by `|`
 * @throws TypeError
 */
export function validateOneOf(name: string, value: string, allowed: string): void {
  validate(allowed.split("|").includes(value), name, allowed, value);
}
