// Tested by test/connection/serve.test.ts.
import { startAsync } from "../base/timed-call.ts";
import type { ConnectionLabels, Report } from "../protocol/observer.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What `onClose` is told when the response never began. */
const NOT_BEGUN: ServeResult = { status: 500, reason: "failed" };

/** Calls `onClose` when the response is over, also if it could not begin. */
export async function withOnClose(
  done: Promise<ServeResult>,
  labels: ConnectionLabels,
  onClose: NonNullable<ServeOptions["onClose"]>,
  report: Report,
): Promise<ServeResult> {
  let result = NOT_BEGUN;
  try {
    result = await done;
    return result;
  } finally {
    const { status, reason, cause, transfer = { duration: 0, events: 0, bytes: 0 } } = result;
    const info = { id: labels.id, key: labels.key, status, reason, cause, ...transfer };
    const onError = (error: unknown): void => report("failed", { ...labels, stage: "cleanup", error });
    // An asynchronous function fits the type too.
    startAsync(async () => onClose(info)).catch(onError);
  }
}
