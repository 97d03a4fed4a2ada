import type { Latch } from "./latch.ts";

/** Something that can be aborted and may know that it is over. */
export interface AbortTarget {
  abort(reason?: unknown): void;
  readonly closed?: boolean;
  readonly aborted?: boolean;
}

const nothing = (): void => undefined;

/**
 * Ties `signal` to `target`: when the signal aborts, the latch is closed or the target aborted, with the
 * signal's reason, once; at once if it has aborted already. A target that is over is left alone. The listener
 * goes with the returned function (idempotent), with the abort, or with the latch.
 */
export function bridgeAbort(signal: AbortSignal | undefined, target: Latch | AbortTarget): () => void {
  if (signal === undefined || isOver(target)) return nothing;
  const fire = (): void => {
    if (isOver(target)) return;
    if ("abort" in target) target.abort(signal.reason);
    else target.close(signal.reason);
  };
  if (signal.aborted) {
    fire();
    return nothing;
  }
  signal.addEventListener("abort", fire, { once: true });
  const unlisten = (): void => signal.removeEventListener("abort", fire);
  const forget = "defer" in target ? target.defer(unlisten) : nothing;
  return () => {
    unlisten();
    forget();
  };
}

function isOver(target: Latch | AbortTarget): boolean {
  return target.closed === true || (target as AbortTarget).aborted === true;
}
