// Tested by test/registry/latest-values.test.ts.

import { HoldfastError } from "../base/errors.ts";
import { check } from "../base/validate.ts";

/** @throws `INVALID_OPTION` */
export function checkLatestBy(latestBy: unknown, store: unknown): void {
  check(latestBy === undefined || typeof latestBy === "function", "latestBy", "a function", latestBy);
  if (latestBy === undefined || store === undefined) return;
  const message = "`latestBy` is for registries in memory: it cannot be used with a `store`.";
  throw new HoldfastError("INVALID_OPTION", message, { expose: false });
}

/** @throws `INVALID_OPTION` */
export function checkDelete(latestBy: unknown, key: unknown): void {
  if (latestBy === undefined) {
    const message = "`delete` is for channels of a registry with `latestBy`: others have no keys.";
    throw new HoldfastError("INVALID_OPTION", message, { expose: false });
  }
  check(typeof key === "string", "key", "a string", key);
}
