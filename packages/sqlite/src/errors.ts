import { HoldfastError } from "@holdfast/core";

/** The result codes of SQLite that have a reason of their own. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
export const FULL = 13;

const REASONS: Readonly<Record<number, string>> = {
  3: "the process may not use the file",
  [BUSY]: "the file is locked",
  [LOCKED]: "the file is locked",
  [READONLY]: "the file is read-only",
  10: "the file cannot be read or written",
  11: "the file is corrupt",
  [FULL]: "the file or its disk is full",
  14: "the file cannot be opened",
  26: "the file is not an SQLite database",
};

/** The primary result code of an error of `node:sqlite` or `bun:sqlite`; `undefined` for any other error. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errcode, errno } = error as { errcode?: unknown; errno?: unknown };
  const code = errcode ?? errno;
  return typeof code === "number" && code > 0 ? code & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  return codeOf(error) === BUSY || codeOf(error) === LOCKED;
}

/** Whether the connection is as good as before the error. Otherwise the file is opened again, since it may be another one. */
export function keepsConnection(error: unknown): boolean {
  return [BUSY, LOCKED, READONLY, FULL].includes(codeOf(error) ?? 0);
}

/** The error of a call that SQLite could not serve now, whatever its id. */
export function unavailable(
  cause: unknown,
  reason: string = REASONS[codeOf(cause) ?? 0] ?? "",
): HoldfastError {
  const message = `The store is not available${reason && `: ${reason}`}.`;
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true, cause, expose: false });
}

/** The error of a call that failed because of what the file has under its id. */
export function brokenStream(cause: unknown): HoldfastError {
  const message = "The file has something under this id that the store did not write.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { cause, expose: false });
}

/** Whether an error is about the id of its call: it says nothing about the file. */
export function isAboutId(error: unknown): error is HoldfastError {
  return HoldfastError.is(error) && !error.retryable;
}
