import type { Latch } from "./latch.ts";

/** Something that can be aborted. `closed` or `aborted`, where it has one, says that there is nothing left to abort. */
export interface AbortTarget {
  /** Called at most once, with the reason of the signal. */
  abort(reason?: unknown): void;
  /** Whether it is over, for a target that closes. */
  readonly closed?: boolean;
  /** Whether it is over, for a target that aborts, such as a signal's controller. */
  readonly aborted?: boolean;
}

const noop = (): void => undefined;

/**
 * Closes a latch, or aborts any other target, when `signal` aborts: at most once, with the signal's reason, and at once
 * if the signal has aborted already. A target that is closed or aborted itself is left alone.
 *
 * @returns removes the listener from the signal (idempotent). The listener also goes when the signal aborts and, for a
 * latch, when the latch closes.
 *
 * @example
 * const unbridge = bridgeAbort(request.signal, { abort: (reason) => query.cancel(reason) });
 */
export function bridgeAbort(signal: AbortSignal | undefined, target: Latch | AbortTarget): () => void {
  if (signal === undefined || isOver(target)) return noop;
  const onAbort = (): void => {
    if (isOver(target)) return;
    if ("abort" in target) target.abort(signal.reason);
    else target.close(signal.reason);
  };
  if (signal.aborted) {
    onAbort();
    return noop;
  }
  signal.addEventListener("abort", onAbort, { once: true });
  const removeListener = (): void => signal.removeEventListener("abort", onAbort);
  const undefer = "defer" in target ? target.defer(removeListener) : noop;
  return () => {
    removeListener();
    undefer();
  };
}

function isOver(target: Latch | AbortTarget): boolean {
  return target.closed === true || (target as AbortTarget).aborted === true;
}
