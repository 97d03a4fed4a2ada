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

/** A token of 20 bytes that contains the time of its creation, in microseconds. */
export function token(at: number = microseconds()): string {
  return `${Math.round(at).toString().padStart(DIGITS, "0")}~`;
}

/** The creation time of the token whose mark is at `at`; `undefined` when its digits were in an earlier chunk. */
export function createdAt(chunk: Uint8Array, at: number): number | undefined {
  if (at < DIGITS) return undefined;
  let time = 0;
  for (let i = at - DIGITS; i < at; i++) time = time * 10 + (chunk[i] as number) - 48;
  return time;
}

const WORDS =
  "the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people".split(
    " ",
  );

/** A word of an answer as models send it, in an order without a pattern. */
export function wordOfAnswer(index: number): string {
  const word = WORDS[Math.floor(Math.abs(Math.sin(index)) * WORDS.length)];
  return JSON.stringify({ type: "text-delta", id: "msg_68f3a0c1b2d4e5f6", delta: ` ${word}` });
}
