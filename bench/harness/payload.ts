import { microseconds } from "./clock.ts";

/** Stands once in every event's data and nowhere else, so that events are counted without being parsed. */
export const MARK: number = "~".charCodeAt(0);

const OPEN = '{"text":"';
const CLOSE = '~"}';
const DIGITS = 19;

/** JSON text of so many bytes. */
export function payload(bytes: number): string {
  return OPEN + "x".repeat(bytes - OPEN.length - CLOSE.length) + CLOSE;
}

/** A token of 20 bytes that tells when it was made. */
export function token(): string {
  return `${Math.round(microseconds()).toString().padStart(DIGITS, "0")}~`;
}

/** When the token was made whose mark stands at `at`; `undefined` when its digits came in another chunk. */
export function madeAt(chunk: Uint8Array, at: number): number | undefined {
  if (at < DIGITS) return undefined;
  let time = 0;
  for (let i = at - DIGITS; i < at; i++) time = time * 10 + (chunk[i] as number) - 48;
  return time;
}
