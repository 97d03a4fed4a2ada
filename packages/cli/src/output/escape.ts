/**
 * What a server could use to take over a terminal, or to make a line look like another one: control characters (C0, C1 and
 * DEL), line separators, and marks that change the direction of text. A lone surrogate is not printable.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const codeOf = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, "0");

/** Text of a server on one line of a terminal. */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    if (character === "\t") return "\\t";
    if (character === "\n") return "\\n";
    return character === "\r" ? "\\r" : `\\u${codeOf(character)}`;
  });
}

/** JSON on one line that stays the same JSON, and is as harmless. */
export function toSafeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (character) => `\\u${codeOf(character)}`);
}
