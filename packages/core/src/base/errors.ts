/** Every code that a {@link HoldfastError} of core can have; the documentation lists them in one table. */
export type ErrorCode =
  | "INVALID_EVENT"
  | "INVALID_OPTION"
  | "EVENT_TOO_LARGE"
  | "STREAM_EXISTS"
  | "STREAM_ENDED"
  | "REGISTRY_CLOSED"
  | "LIMIT_EXCEEDED"
  | "ABORTED"
  | "INTERRUPTED"
  | "TAKEN_OVER"
  | "CANCELLED"
  | "EXPIRED"
  | "LOST"
  | "RESET"
  | "GONE"
  | "SOURCE_FAILED"
  | "SNAPSHOT_FAILED"
  | "STORE_UNAVAILABLE";

/** Options of the constructor of {@link HoldfastError}. */
export interface HoldfastErrorOptions {
  /** The error behind this one, for logs; clients never see it. */
  readonly cause?: unknown;
  /** Whether the same request may succeed later. @default false */
  readonly retryable?: boolean;
  /** How long to wait before the next attempt, in ms: a non-negative integer. Clients get it as `retry:`. */
  readonly retryAfter?: number;
  /** Whether clients may see `message`. If not, they get a general text. @default true */
  readonly expose?: boolean;
}

/** Marks errors of this class across copies of this package, where `instanceof` fails. */
const BRAND = Symbol.for("holdfast.error");

/**
 * The only error class that holdfast throws. A stream or source that fails with one sends it to its clients as
 * `stream.error`: the code, `retryable`, `retryAfter` and, unless `expose` is false, the message. The text of any other
 * error stays on the server.
 *
 * @throws `INVALID_OPTION` (from the constructor) for a `retryAfter` that is not a non-negative integer
 *
 * @example
 * await job.fail(new HoldfastError("SOURCE_FAILED", "The model is overloaded.", { retryable: true, cause: error }));
 */
export class HoldfastError extends Error {
  /** What has happened; the table in docs/errors.md explains each code. */
  readonly code: ErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before the next attempt, in ms; `undefined` leaves it to the client. */
  readonly retryAfter: number | undefined;
  /** Whether clients may see `message`. */
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

  /** Always `HoldfastError`, also in a bundle that renames classes. */
  // On the prototype: the stack is captured before fields are set, and must begin with this name.
  override get name(): "HoldfastError" {
    return "HoldfastError";
  }

  /**
   * Whether a value is a `HoldfastError`, of this or any other copy or version of this package.
   *
   * @example
   * if (HoldfastError.is(error) && error.retryable) retryLater();
   */
  static is(error: unknown): error is HoldfastError {
    return typeof error === "object" && error !== null && BRAND in error;
  }
}

// Outside the class: the bundler renames a class whose body refers to itself, and it would print under the new name.
function invalidRetryAfter(value: unknown): HoldfastError {
  const message = `\`retryAfter\` must be a non-negative integer of milliseconds, got ${String(value)}.`;
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}

/** What a client gets to know about an error: the data of `stream.error`. */
export interface PublicError {
  /** One of {@link ErrorCode}; a server of another version may send others. */
  readonly code: string;
  /** A sentence for people. `The stream failed.` if the text is not for the public. */
  readonly message: string;
  /** Whether the same work may succeed later. Never with the end of a stream. */
  readonly retryable: boolean;
  /** How long to wait before the next attempt, in ms. */
  readonly retryAfter?: number;
}

const GENERAL_MESSAGE = "The stream failed.";

/** Any thrown value as a {@link HoldfastError}: what is not one becomes the cause of a `SOURCE_FAILED`. */
export function toHoldfastError(error: unknown): HoldfastError {
  if (HoldfastError.is(error)) return error;
  return new HoldfastError("SOURCE_FAILED", GENERAL_MESSAGE, { cause: error });
}

/** What the observer gets: the error behind one of holdfast. A cause that is only a text stays inside the error. */
export function errorToReport(error: HoldfastError): unknown {
  return error.cause === undefined || typeof error.cause === "string" ? error : error.cause;
}

/** The part of an error that clients may see. */
export function toPublicError(error: HoldfastError): PublicError {
  const { code, expose, message, retryable, retryAfter } = error;
  return {
    code,
    message: expose ? message : GENERAL_MESSAGE,
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
  INTERRUPTED: true,
  TAKEN_OVER: true,
  CANCELLED: true,
  EXPIRED: true,
  LOST: true,
  RESET: true,
  GONE: true,
  SOURCE_FAILED: true,
  SNAPSHOT_FAILED: true,
  STORE_UNAVAILABLE: true,
};

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code);
}

/** For work that stopped because its signal aborted or its latch closed. */
export function abortedError(reason?: unknown): HoldfastError {
  return new HoldfastError("ABORTED", "The operation was aborted.", { cause: reason });
}

/** What readers are told of a stream that has no producer at the moment. One object, so that nobody is told twice. */
export const INTERRUPTED: HoldfastError = /* @__PURE__ */ new HoldfastError(
  "INTERRUPTED",
  "The stream is interrupted. It continues when its producer is back.",
  { retryable: true },
);

/** The reason of a producer's signal when another producer has opened its stream. */
export function takenOverError(id: string): HoldfastError {
  return new HoldfastError("TAKEN_OVER", `Another producer has opened the stream ${JSON.stringify(id)}.`);
}

/** For an id that is taken. */
export function existsError({ id, kind }: { readonly id: string; readonly kind: string }): HoldfastError {
  return new HoldfastError("STREAM_EXISTS", `A ${kind} ${JSON.stringify(id)} exists already.`);
}

/** For a registry that has reached `maxStreams` or `bytes`. */
export function fullError(): HoldfastError {
  return new HoldfastError("LIMIT_EXCEEDED", "The registry is full.", { retryable: true });
}

/** For an operation on a stream that has ended. */
export function endedError(id: string, status?: string): HoldfastError {
  const how = status === undefined ? "" : `: it is ${status}`;
  return new HoldfastError("STREAM_ENDED", `The stream ${JSON.stringify(id)} has ended${how}.`);
}

/** For a call on a registry that is closing or closed. */
export function closedError(): HoldfastError {
  return new HoldfastError("REGISTRY_CLOSED", "The registry is closed.", { retryable: true });
}

/** For a push that exceeds what may be buffered until the store has accepted it. */
export function backlogError(id: string): HoldfastError {
  const message = `Too many events of ${JSON.stringify(id)} wait for the store.`;
  return new HoldfastError("LIMIT_EXCEEDED", message, { retryable: true });
}

/** Whether an error only reports that work was aborted for `reason`, as requested. */
export function isAbort(error: unknown, reason: unknown): boolean {
  if (error === reason || (error as Error | undefined)?.name === "AbortError") return true;
  return HoldfastError.is(error) && ["ABORTED", "REGISTRY_CLOSED", "STREAM_ENDED"].includes(error.code);
}
