import type { BareConnection, SseEvent } from "@holdfast/core";

/** A source that says nothing until its client has left. */
export async function* quiet({ signal }: Pick<BareConnection, "signal">): AsyncGenerator<SseEvent> {
  await aborted(signal);
  if (!signal.aborted) yield {};
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
