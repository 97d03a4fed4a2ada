// Tested by test/connection/connection.test.ts.
import type { SinkEvents } from "./sink.ts";

/**
 * What the sink of a connection reports to it. Accessors, so that an adapter may pass them on as functions: few connections
 * ever have such a function of their own.
 */
export class ConnectionEvents implements SinkEvents {
  readonly #connection: { flushed(): void; finish(): void };

  constructor(connection: { flushed(): void; finish(): void }) {
    this.#connection = connection;
  }

  get drained(): () => void {
    return () => this.#connection.flushed();
  }

  get closed(): () => void {
    return () => this.#connection.finish();
  }
}
