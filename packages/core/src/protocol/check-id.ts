// Tested by test/registry/mistakes.test.ts.

import { invalidOption } from "../base/validate.ts";
import { isStreamId } from "./event-id.ts";

/** @throws `INVALID_OPTION` */
export function checkId(id: unknown): void {
  if (isStreamId(id)) return;
  throw invalidOption("id", "a string of 1 to 256 characters without control characters", id);
}
