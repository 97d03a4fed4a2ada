import type { Timers } from "../base/clock.ts";
import type { Attempt } from "../retry/attempt.ts";
import type { LossReason } from "../retry/loss.ts";
import type { FetchArguments } from "./create-request.ts";
import { lossOf } from "./response-loss.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ExchangeSettings {
  readonly clock: Timers;
  readonly connectTimeout: number;
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * One request, and what is parsed from its response. The body is read as the consumer pulls: the watchdog runs only
 * while a read is pending. It ends with the attempt, and ends the attempt with a loss if the request or the response is
 * lost.
 *
 * @param onOpen called when the response is an event stream, returns the parser for its bytes
 * @param idleTimeout returns how long the server may be silent from now on, in ms
 */
export async function* exchange<T>(
  attempt: Attempt,
  { clock, connectTimeout, fetch: send = fetch }: ExchangeSettings,
  watchdog: Watchdog,
  createRequest: () => Promise<FetchArguments>,
  onOpen: (url: string) => (bytes: Uint8Array) => T,
  idleTimeout: () => number,
): AsyncGenerator<T, void, void> {
  const { signal } = attempt;
  const aborted = new Promise<never>((_resolve, reject) => signal.addEventListener("abort", reject));
  signal.addEventListener("abort", watchdog.stop);
  let reason: LossReason = "request";
  try {
    watchdog.start(connectTimeout);
    const request = await Promise.race([createRequest(), aborted]);
    if (signal.aborted) return;
    reason = "network";
    // The body of node-fetch has no reader, and the response of React Native no body.
    const opened = send(...request).then((response) => [response, response.body?.getReader?.()] as const);
    // A custom `fetch` may ignore the signal: so the body is cancelled whenever it arrives. Its errors do not matter
    // then.
    signal.addEventListener("abort", () => {
      opened.then(([, body]) => body?.cancel()).catch(() => undefined);
    });
    const [response, body] = await Promise.race([opened, aborted]);
    const loss = lossOf(response, clock.now());
    if (loss) attempt.abort(loss);
    if (signal.aborted) return;
    if (!body && response.body !== null) {
      const message = "`fetch` does not stream: in React Native, pass expo/fetch.";
      return attempt.abort({ type: "fatal", reason: "unsupported", message });
    }
    const parse = onOpen(response.url || request[0]);
    while (!signal.aborted) {
      watchdog.start(idleTimeout());
      const chunk = await body?.read();
      if (!chunk?.value) return attempt.abort({ reason: "eof", message: "The response ended." });
      const parsed = parse(chunk.value);
      // If the machine slept, this ends the attempt: after what has arrived, the connection may be dead.
      watchdog.stop();
      yield parsed;
    }
  } catch (cause) {
    attempt.abort({ reason, message: `The ${reason} failed.`, cause });
  }
}
