// Tested by test/store/stream-producer.test.ts.
import { HoldfastError, toPublicError } from "../base/errors.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { StoredEnd } from "./store.ts";

export function notStoredError(): HoldfastError {
  const message = "The end of the stream could not be stored.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true });
}

export function toStoredEnd({ status, error }: StreamEnd): StoredEnd {
  return { status, ...(error !== undefined && { error: toPublicError(error) }) };
}
