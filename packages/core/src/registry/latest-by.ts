// Tested by test/registry/latest-values.test.ts.

import { check, invalidOption } from "../base/validate.ts";
import type { LatestBy } from "../stream/latest-stream.ts";

/** @throws `INVALID_OPTION` */
export function readLatestBy(latestBy: unknown, store: unknown): LatestBy | undefined {
  check(latestBy === undefined || typeof latestBy === "function", "latestBy", "a function", latestBy);
  check(latestBy === undefined || store === undefined, "latestBy", "without a `store`", latestBy);
  return latestBy as LatestBy | undefined;
}

/** @throws `INVALID_OPTION` */
export function checkDelete(latestBy: unknown, key: unknown): void {
  if (latestBy === undefined) throw invalidOption("latestBy", "given, for channels to have keys", latestBy);
  check(typeof key === "string", "key", "a string", key);
}
