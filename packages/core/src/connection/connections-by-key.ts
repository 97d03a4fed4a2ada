// Tested by test/connection/connection-pool.test.ts.
import type { PooledConnection } from "./connection-pool.ts";

interface Entry {
  readonly connections: Set<PooledConnection>;
  readonly stop: () => void;
}

/** The connections that have a key, such as those of one user. */
export class ConnectionsByKey {
  readonly #entries = new Map<string, Entry>();
  readonly #onKey: (key: string) => () => void;

  /** @param onKey called with the first connection of a key; the returned function is called when the last one is over */
  constructor(onKey: (key: string) => () => void) {
    this.#onKey = onKey;
  }

  /** The connections of a key, the oldest first. */
  get(key: string): ReadonlySet<PooledConnection> | undefined {
    return this.#entries.get(key)?.connections;
  }

  add(connection: PooledConnection): void {
    const { key } = connection.labels;
    if (key === undefined) return;
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.connections.add(connection);
    else this.#entries.set(key, { connections: new Set([connection]), stop: this.#onKey(key) });
  }

  /** Idempotent. */
  remove(connection: PooledConnection): void {
    const { key } = connection.labels;
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (entry?.connections.delete(connection) !== true || entry.connections.size > 0) return;
    this.#entries.delete(key as string);
    entry.stop();
  }
}
