import { microseconds } from "./clock.ts";

/** Occurs exactly once in the data of every event and nowhere else, so that events are counted without parsing. */
export const MARK: number = "~".charCodeAt(0);

const PREFIX = '{"text":"';
const SUFFIX = '~"}';
const DIGITS = 19;

/** JSON text of exactly `bytes` bytes. */
export function payload(bytes: number): string {
  return PREFIX + "x".repeat(bytes - PREFIX.length - SUFFIX.length) + SUFFIX;
}

/** A token of 20 bytes that contains the time of its creation. */
export function token(): string {
  return `${Math.round(microseconds()).toString().padStart(DIGITS, "0")}~`;
}

/** The creation time of the token whose mark is at `at`; `undefined` when its digits were in an earlier chunk. */
export function createdAt(chunk: Uint8Array, at: number): number | undefined {
  if (at < DIGITS) return undefined;
  let time = 0;
  for (let i = at - DIGITS; i < at; i++) time = time * 10 + (chunk[i] as number) - 48;
  return time;
}
