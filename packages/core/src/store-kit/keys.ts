import { checkId } from "../protocol/check-id.ts";

// The store suite tests it, and packages/redis/test/commands/keys.test.ts.

/** Braces delimit the hash tag of a Redis key, `%` starts an escape, and all lone surrogates have the same bytes in UTF-8. */
const UNSAFE = /[{}%]|\p{Surrogate}/gu;

/**
 * The text under which a store keeps an id. It is valid UTF-8 without braces, and different ids have different keys.
 *
 * @throws `INVALID_OPTION` for an id that no stream can have
 */
export function keyOf(id: string): string {
  checkId(id);
  return id.replace(UNSAFE, (character) => `%${character.charCodeAt(0).toString(16)}`);
}
