import type { Runtime } from "../protocol/runtime.ts";
import type { CloseReason } from "../protocol/reasons.ts";

/** What the observer is told of one connection. Nothing is told for each event. */
export class ConnectionMetrics {
  readonly #id: string | undefined;
  readonly #runtime: Runtime;
  readonly #openedAt: number;
  #events = 0;
  #bytes = 0;
  #eventsTold = 0;
  #bytesTold = 0;

  /** @param id the stream's id; `undefined` for a bare source */
  constructor(id: string | undefined, runtime: Runtime) {
    this.#id = id;
    this.#runtime = runtime;
    this.#openedAt = runtime.clock.now();
  }

  /** Apart from the constructor: who is told may close the connection at once, and is told of that, too. */
  open(): void {
    this.#runtime.report("connectionOpened", { id: this.#id });
  }

  wrote(bytes: number, events: number): void {
    this.#bytes += bytes;
    this.#events += events;
  }

  beat(): void {
    this.#runtime.report("heartbeat", { id: this.#id });
  }

  /** So many of the events written were a replay, which is over. */
  caughtUp(events: number): void {
    this.tellDelivered();
    this.#runtime.report("replayed", { id: this.#id, events });
  }

  /** Tells what was written since it told of it before. */
  tellDelivered(): void {
    const events = this.#events - this.#eventsTold;
    const bytes = this.#bytes - this.#bytesTold;
    if (bytes === 0) return;
    this.#eventsTold = this.#events;
    this.#bytesTold = this.#bytes;
    this.#runtime.report("delivered", { id: this.#id, events, bytes });
  }

  close(reason: CloseReason): void {
    this.tellDelivered();
    this.#runtime.report("connectionClosed", {
      id: this.#id,
      reason,
      duration: this.#runtime.clock.now() - this.#openedAt,
      events: this.#events,
      bytes: this.#bytes,
    });
  }
}
