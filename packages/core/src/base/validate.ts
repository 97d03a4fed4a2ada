import { HoldfastError } from "./errors.ts";

/**
 * Checks an option.
 *
 * @throws `INVALID_OPTION` with the expected and the actual value, which clients never see
 */
export function check(ok: boolean, name: string, expected: string, value: unknown): void {
  if (!ok) throw invalidOption(name, expected, value);
}

/** The error for an invalid option: what was expected and what came. */
export function invalidOption(name: string, expected: string, value: unknown): HoldfastError {
  const message = `\`${name}\` must be ${expected}, got ${show(value)}.`;
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}

/** A time in ms: a positive number, or `Infinity` for never. */
export function checkDuration(name: string, value: number): void {
  const hint = typeof value === "boolean" ? ", `Infinity` to turn it off" : "";
  check(typeof value === "number" && value > 0, name, `a positive number of milliseconds${hint}`, value);
}

/** A time in ms: a non-negative number, or `Infinity`. */
export function checkDelay(name: string, value: number): void {
  check(typeof value === "number" && value >= 0, name, "a number of milliseconds, or 0", value);
}

/** An `AbortSignal`; also one of another realm or a polyfill, for which `instanceof` fails. */
export function checkSignal(name: string, value: unknown): void {
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>;
  const ok = typeof aborted === "boolean" && typeof addEventListener === "function";
  check(ok, name, "an AbortSignal", value);
}

/** An upper limit: a positive integer, or `Infinity`. */
export function checkCount(name: string, value: number): void {
  check((Number.isInteger(value) && value > 0) || value === Infinity, name, "a positive integer", value);
}

/** Checks that a value is not a promise, which is most often a forgotten `await`. */
export function checkAwaited(name: string, value: unknown): void {
  const isPromise = typeof (Object(value) as Partial<PromiseLike<unknown>>).then === "function";
  check(!isPromise, name, `awaited first (\`await registry.open(…)\` gives the stream)`, value);
}

/** One of the allowed strings. */
export function checkOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  check(allowed.includes(value as string), name, allowed.map((text) => `"${text}"`).join(" or "), value);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}
