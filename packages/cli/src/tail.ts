import { connect, type ConnectionState } from "@holdfast/client";
import { Audit } from "./audit/audit.ts";
import type { TailOptions } from "./options.ts";
import type { Printer } from "./output/printer.ts";
import type { Record } from "./record.ts";
import { observeResponse } from "./wire/stream-observer.ts";
import { createTappedFetch } from "./wire/tapped-fetch.ts";

export const EXIT = { ended: 0, failed: 1, usage: 2, losses: 3 } as const;

/**
 * Follows a stream until it has ended or failed, or until `stop` aborts, and prints everything.
 *
 * @returns the exit code
 */
export async function tail(options: TailOptions, printer: Printer, stop: AbortSignal): Promise<number> {
  const { url, headers, lastEventId, method, data, giveUpAfter, retries, reconnects, cutEvery } = options;
  const audit = new Audit({ cursor: lastEventId, allowHoles: options.allowHoles });
  const startedAt = performance.now();
  let events = 0;
  let connections = 0;
  let cuts = 0;
  let hasFailed = false;
  let cutTimer: NodeJS.Timeout | undefined;

  function report(record: Record): void {
    if (record.type === "event") events++;
    printer.print(record);
  }

  function fail(message: string): void {
    hasFailed = true;
    report({ type: "error", message });
  }

  const connection = connect(url, {
    headers,
    method,
    lastEventId,
    ...(data !== undefined && { body: data }),
    ...(giveUpAfter !== undefined && { giveUpAfter }),
    // The same headers would be refused again.
    policy: { unauthorized: "fatal", ...(!reconnects && { eof: "done" }) },
    fetch: createTappedFetch((cursor) => {
      connections++;
      audit.open(cursor);
      return observeResponse(audit, report);
    }),
    onReset({ reason }) {
      // The others are seen on the wire.
      if (reason !== "incomplete") return;
      for (const finding of audit.reset(reason, null)) report({ type: "finding", ...finding });
    },
  });

  function cut(): void {
    cuts++;
    report({ type: "state", status: "cut", detail: `after ${(cutEvery ?? 0) / 1_000} s` });
    connection.reconnect();
  }

  function onState(state: ConnectionState): void {
    clearTimeout(cutTimer);
    if (state.status === "connecting") {
      const detail = state.attempt > 1 ? { detail: `attempt ${state.attempt}` } : {};
      report({ type: "state", status: "connecting", attempt: state.attempt, ...detail });
    } else if (state.status === "retrying") onRetry(state);
    else if (state.status === "open") report({ type: "state", status: "open" });
    const isOpen = !["connecting", "retrying", "closed"].includes(state.status);
    if (cutEvery !== undefined && isOpen) cutTimer = setTimeout(cut, cutEvery);
  }

  function onRetry({
    attempt,
    delay,
    reason,
    message,
    cause,
    loss,
  }: ConnectionState & { status: "retrying" }): void {
    if (reason === "reconnect") return;
    const detail = withCause(message ? `${reason}: ${message}` : reason, cause);
    if (!reconnects) {
      // A server that asks the client to come back has not failed.
      if (loss) fail(detail);
      return connection.close();
    }
    if (loss && attempt - 1 > retries) {
      fail(`Given up after ${retries} retries: ${detail}`);
      return connection.close();
    }
    const httpStatus = loss?.status;
    const wait = `in ${(delay / 1_000).toFixed(1)} s, ${detail}`;
    report({ type: "state", status: "retrying", detail: wait, attempt, delay, reason, httpStatus });
  }

  stop.addEventListener("abort", connection.close);
  if (stop.aborted) connection.close();
  onState(connection.state);
  connection.subscribe(onState);
  try {
    // The events are printed when they arrive. A slow stdout makes the client read slowly.
    for await (const _ of connection) await printer.flushed();
  } catch (error) {
    fail(error instanceof Error ? withCause(error.message, error.cause) : String(error));
  }
  clearTimeout(cutTimer);
  const duration = performance.now() - startedAt;
  report({ type: "summary", duration, events, connections, cuts, ...audit.totals });
  if (audit.hasLosses) return EXIT.losses;
  return hasFailed ? EXIT.failed : EXIT.ended;
}

/** Adds the innermost cause: that of a failed `fetch` says what went wrong, for example ECONNREFUSED. */
function withCause(message: string, cause: unknown): string {
  let innermost = cause;
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
  return innermost instanceof Error ? `${message} (${innermost.message || innermost.name})` : message;
}
