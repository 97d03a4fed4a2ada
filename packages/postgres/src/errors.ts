import { HoldfastError } from "@holdfast/core";

/** What the errors of Postgres mean, by their codes or the first two characters of these. */
const REASONS: Readonly<Record<string, string>> = {
  "3F": "the schema is missing: run `npx @holdfast/postgres migrate`",
  "42883": "the schema is of another version: run `npx @holdfast/postgres migrate`",
  "42P01": "the schema is missing, or of another version: run `npx @holdfast/postgres migrate`",
  "42501": "the role has no rights in the schema",
  "25006": "the server is read-only",
  "28": "the server refuses the role",
  "53100": "the disk of the server is full",
  "53300": "the server has too many connections",
  "57P": "the server stops or starts",
  "57014": "the server has cancelled the statement",
};

/** The five characters of an error that Postgres itself has sent; `undefined` for any other error. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return error instanceof Error && severity !== undefined && typeof code === "string" ? code : undefined;
}

/** Whether the same statement may succeed when it is sent again: it collided with another transaction. */
export function isCollision(error: unknown): boolean {
  return ["40001", "40P01"].includes(stateOf(error) ?? "");
}

/** Whether the connection is as good as before the error. Its severity does not say so: that is in the language of the server. */
export function keepsConnection(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && !/^(57P|08|53300|58|XX)/.test(state);
}

/** Whether the error says nothing about the server: something under this id is not the store's. */
export function isAboutId(error: unknown): boolean {
  return HoldfastError.is(error) ? !error.retryable : /^(22|23)/.test(stateOf(error) ?? "");
}

/** The error of a call that Postgres could not serve now, whatever its id. */
export function unavailable(cause: unknown, reason: string = reasonOf(cause)): HoldfastError {
  const message = `The store is not available${reason && `: ${reason}`}.`;
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true, cause, expose: false });
}

function reasonOf(cause: unknown): string {
  const state = stateOf(cause) ?? "";
  return REASONS[state] ?? REASONS[state.slice(0, 3)] ?? REASONS[state.slice(0, 2)] ?? "";
}

/** The error of a call that failed because of what is stored under its id. */
export function brokenStream(cause: unknown): HoldfastError {
  if (HoldfastError.is(cause)) return cause;
  const message = "Postgres has something under this id that the store did not write.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { cause, expose: false });
}
