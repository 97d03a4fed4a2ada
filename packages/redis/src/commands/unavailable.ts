import { HoldfastError } from "@holdfast/core";

/** The only error that the calls of a store reject with. */
export function unavailable(cause: unknown): HoldfastError {
  return new HoldfastError("STORE_UNAVAILABLE", "The store is not available.", { retryable: true, cause });
}
