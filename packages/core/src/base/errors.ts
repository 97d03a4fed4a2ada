/** Every code that a {@link HoldfastError} of core can carry; the docs have them in one table. */
export type ErrorCode =
  | "INVALID_EVENT"
  | "INVALID_OPTION"
  | "EVENT_TOO_LARGE"
  | "STREAM_EXISTS"
  | "STREAM_ENDED"
  | "REGISTRY_CLOSED"
  | "LIMIT_EXCEEDED"
  | "ABORTED"
  | "GONE"
  | "SOURCE_FAILED"
  | "SNAPSHOT_FAILED"
  | "STORE_UNAVAILABLE";

export interface HoldfastErrorOptions {
  readonly cause?: unknown;
  /** Whether the same request may succeed later. @default false */
  readonly retryable?: boolean;
  /** How long to wait before trying again, in ms; clients get it as `retry:`. */
  readonly retryAfter?: number;
  /** Whether `message` was written for the public. @default true */
  readonly expose?: boolean;
}

/** Marks errors of this class across copies of this package, where `instanceof` fails. */
const BRAND = Symbol.for("holdfast.error");

/**
 * The one error class. Its code and, while `expose` is true, its message reach clients in
 * `stream.error`; the text of any other error stays on the server.
 *
 * @throws `INVALID_OPTION` (from the constructor) for a `retryAfter` that is not a non-negative integer
 */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly expose: boolean;

  constructor(code: ErrorCode, message: string, options: HoldfastErrorOptions = {}) {
    const { cause, retryable = false, retryAfter, expose = true } = options;
    if (retryAfter !== undefined && !(Number.isSafeInteger(retryAfter) && retryAfter >= 0)) {
      throw invalidRetryAfter(retryAfter);
    }
    super(message, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.retryable = retryable;
    this.retryAfter = retryAfter;
    this.expose = expose;
  }

  // On the prototype, so that the stack, which is captured before the fields are set, begins with this name.
  override get name(): "HoldfastError" {
    return "HoldfastError";
  }

  /**
   * Whether a value is a `HoldfastError`, also one of another copy or version of this package.
   *
   * @example
   * if (HoldfastError.is(error) && error.retryable) retryLater();
   */
  static is(error: unknown): error is HoldfastError {
    return typeof error === "object" && error !== null && BRAND in error;
  }
}

// A function of its own: a class that names itself in its body is renamed by the bundler, and prints under that name.
function invalidRetryAfter(value: unknown): HoldfastError {
  const message = `\`retryAfter\` must be a non-negative integer of milliseconds, got ${String(value)}.`;
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}

/** What a client is told of an error: the data of `stream.error`. */
export interface PublicError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfter?: number;
}

const UNEXPOSED = "The stream failed.";

/** Any thrown value as a {@link HoldfastError}; one that is not becomes the cause of `SOURCE_FAILED`. */
export function toHoldfastError(error: unknown): HoldfastError {
  if (HoldfastError.is(error)) return error;
  return new HoldfastError("SOURCE_FAILED", UNEXPOSED, { cause: error });
}

/** The part of an error that is written for the public. */
export function toPublicError(error: HoldfastError): PublicError {
  const { code, expose, message, retryable, retryAfter } = error;
  return {
    code,
    message: expose ? message : UNEXPOSED,
    retryable,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** An error of another process, from what is public of it. A code of another version counts as `SOURCE_FAILED`. */
export function fromPublicError({ code, message, retryable, retryAfter }: PublicError): HoldfastError {
  const options = { retryable, ...(retryAfter !== undefined && { retryAfter }) };
  return new HoldfastError(isErrorCode(code) ? code : "SOURCE_FAILED", message, options);
}

const CODES: Readonly<Record<ErrorCode, true>> = {
  INVALID_EVENT: true,
  INVALID_OPTION: true,
  EVENT_TOO_LARGE: true,
  STREAM_EXISTS: true,
  STREAM_ENDED: true,
  REGISTRY_CLOSED: true,
  LIMIT_EXCEEDED: true,
  ABORTED: true,
  GONE: true,
  SOURCE_FAILED: true,
  SNAPSHOT_FAILED: true,
  STORE_UNAVAILABLE: true,
};

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code);
}

/** The error of work that was given up because its signal aborted or its latch closed. */
export function abortedError(reason?: unknown): HoldfastError {
  return new HoldfastError("ABORTED", "The operation was aborted.", { cause: reason });
}

/** The error of a call on a registry that is closing or closed. */
export function closedError(): HoldfastError {
  return new HoldfastError("REGISTRY_CLOSED", "The registry is closed.", { retryable: true });
}

/** The error of a push that there is no room for until the store has taken what waits for it. */
export function backlogError(id: string): HoldfastError {
  const message = `Too much of ${JSON.stringify(id)} waits for the store.`;
  return new HoldfastError("LIMIT_EXCEEDED", message, { retryable: true });
}

/** Whether an error only says that work was stopped, as it was told to, for `reason`. */
export function isAbort(error: unknown, reason: unknown): boolean {
  if (error === reason || (error as Error | undefined)?.name === "AbortError") return true;
  return HoldfastError.is(error) && ["ABORTED", "REGISTRY_CLOSED", "STREAM_ENDED"].includes(error.code);
}
