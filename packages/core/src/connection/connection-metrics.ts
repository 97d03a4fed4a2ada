import type { Runtime } from "../protocol/runtime.ts";
import type { CloseReason } from "../protocol/reasons.ts";

/** Counts what is written to one connection, and reports it to the observer: never for each event. */
export class ConnectionMetrics {
  readonly #id: string | undefined;
  readonly #runtime: Runtime;
  readonly #openedAt: number;
  #events = 0;
  #bytes = 0;
  #eventsReported = 0;
  #bytesReported = 0;

  /** @param id the stream's id; `undefined` for a bare source */
  constructor(id: string | undefined, runtime: Runtime) {
    this.#id = id;
    this.#runtime = runtime;
    this.#openedAt = runtime.clock.now();
  }

  /** Separate from the constructor: the observer may close the connection at once, which is reported here too. */
  reportOpened(): void {
    this.#runtime.report("connectionOpened", { id: this.#id });
  }

  count(bytes: number, events: number): void {
    this.#bytes += bytes;
    this.#events += events;
  }

  reportHeartbeat(): void {
    this.#runtime.report("heartbeat", { id: this.#id });
  }

  /** @param events how many of the written events were replayed */
  reportReplayed(events: number): void {
    this.reportDelivered();
    this.#runtime.report("replayed", { id: this.#id, events });
  }

  /** Reports what was written since the last report, if anything. */
  reportDelivered(): void {
    const events = this.#events - this.#eventsReported;
    const bytes = this.#bytes - this.#bytesReported;
    if (bytes === 0) return;
    this.#eventsReported = this.#events;
    this.#bytesReported = this.#bytes;
    this.#runtime.report("delivered", { id: this.#id, events, bytes });
  }

  reportClosed(reason: CloseReason): void {
    this.reportDelivered();
    this.#runtime.report("connectionClosed", {
      id: this.#id,
      reason,
      duration: this.#runtime.clock.now() - this.#openedAt,
      events: this.#events,
      bytes: this.#bytes,
    });
  }
}
