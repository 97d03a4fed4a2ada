import type { ConnectionLabels } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import type { Transfer } from "../protocol/outcome.ts";
import type { Runtime } from "../protocol/runtime.ts";

/** Counts what is written to one connection, and reports it to the observer: never for each event. */
export class ConnectionMetrics {
  readonly #labels: ConnectionLabels;
  readonly #runtime: Runtime;
  readonly #openedAt: number;
  #events = 0;
  #bytes = 0;
  #eventsReported = 0;
  #bytesReported = 0;

  constructor(labels: ConnectionLabels, runtime: Runtime) {
    this.#labels = labels;
    this.#runtime = runtime;
    this.#openedAt = runtime.clock.now();
  }

  /** Separate from the constructor: the observer may close the connection at once, which is reported here too. */
  reportOpened(): void {
    this.#runtime.report("connectionOpened", { ...this.#labels });
  }

  count(bytes: number, events: number): void {
    this.#bytes += bytes;
    this.#events += events;
  }

  reportHeartbeat(): void {
    this.#runtime.report("heartbeat", { ...this.#labels });
  }

  /** @param events how many of the written events were replayed */
  reportReplayed(events: number): void {
    this.reportDelivered();
    this.#runtime.report("replayed", { ...this.#labels, events });
  }

  /** Reports what was written since the last report, if anything. */
  reportDelivered(): void {
    const events = this.#events - this.#eventsReported;
    const bytes = this.#bytes - this.#bytesReported;
    if (bytes === 0) return;
    this.#eventsReported = this.#events;
    this.#bytesReported = this.#bytes;
    this.#runtime.report("delivered", { ...this.#labels, events, bytes });
  }

  /** What was written so far. */
  get transfer(): Transfer {
    const duration = this.#runtime.clock.now() - this.#openedAt;
    return { duration, events: this.#events, bytes: this.#bytes };
  }

  reportClosed(reason: CloseReason, cause?: unknown): void {
    this.reportDelivered();
    const more = cause === undefined ? undefined : { cause };
    this.#runtime.report("connectionClosed", { ...this.#labels, reason, ...more, ...this.transfer });
  }
}
