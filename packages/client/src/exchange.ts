import { isEventStream } from "@holdfast/core/internal";
import type { Settings } from "./options.ts";
import type { Loss, LossReason, Outcome } from "./outcome.ts";
import type { FetchArguments } from "./request.ts";
import { retryAfter } from "./retry-after.ts";
import type { Watchdog } from "./watchdog.ts";

/**
 * One request, and the bytes of its response, read as they are asked for.
 *
 * @param attempt aborts with the {@link Outcome}, the first that there is; whoever aborts it ends the exchange
 * @param make makes the request
 * @param opened told the URL of the event stream, if there is one
 * @param idleTimeout how long the response may be silent now, in ms
 */
export async function* exchange(
  attempt: AbortController,
  { clock, connectTimeout, fetch = globalThis.fetch }: Settings,
  watchdog: Watchdog,
  make: () => Promise<FetchArguments>,
  opened: (url: string) => void,
  idleTimeout: () => number,
): AsyncGenerator<Uint8Array, void, void> {
  const { signal } = attempt;
  const lose = (loss: Loss): void => attempt.abort(loss satisfies Outcome);
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const over = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => {
      watchdog.stop();
      // What a body fails with after it was let go concerns nobody.
      reader?.cancel().catch(() => undefined);
      resolve(undefined);
    });
  });
  let reason: LossReason = "request";
  try {
    watchdog.watch(connectTimeout);
    const request = await Promise.race([make(), over]);
    if (request === undefined) return;
    reason = "network";
    const answer = fetch(...request);
    const response = await Promise.race([answer, over]);
    const refusal = response && judge(response, clock.now());
    if (refusal !== undefined) lose(refusal);
    // A `fetch` may not know of the signal: what it brings is let go then, whenever that is.
    if (response === undefined || signal.aborted) {
      answer.then(({ body }) => body?.cancel()).catch(() => undefined);
      return;
    }
    reader = response.body?.getReader();
    opened(response.url || request[0]);
    for (;;) {
      watchdog.watch(idleTimeout());
      const chunk = await reader?.read();
      watchdog.stop();
      if (signal.aborted) return;
      if (chunk?.value === undefined) return lose({ reason: "eof", message: "The response ended." });
      yield chunk.value;
      if (signal.aborted) return;
    }
  } catch (cause) {
    lose({ reason, message: `The ${reason} failed.`, cause });
  }
}

function judge({ headers, status }: Response, now: number): Loss | undefined {
  if (status === 200 && isEventStream(headers)) return undefined;
  const type = headers.get("content-type") ?? "";
  return {
    reason: reasonOf(status, type),
    message: `The server answered ${status} ${type}`,
    status,
    retryAfter: retryAfter(headers, now),
  };
}

function reasonOf(status: number, type: string): LossReason {
  // Chromium takes a head that was cut off for a whole one.
  if (status < 200 || (status === 200 && "text/event-stream".startsWith(type))) return "network";
  if (status === 200) return "content-type";
  if (status === 204) return "no-content";
  if ([401, 403].includes(status)) return "unauthorized";
  return [408, 425, 429].includes(status) || status >= 500 ? "unavailable" : "refused";
}
