import type { ConnectionLabels } from "../protocol/observer.ts";
import type { Transfer } from "../protocol/outcome.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { ConnectionsByKey } from "./connections-by-key.ts";
import { Scheduler } from "./scheduler.ts";

/** The part of a connection that its pool uses. */
export interface PooledConnection {
  readonly labels: ConnectionLabels;
  /** When it was created, in ms since 1970. */
  readonly since: number;
  /** What was written so far; `undefined` before the start. */
  readonly transfer: Transfer | undefined;
  drain(reason: DrainReason, spread: number, cause?: unknown): void;
  destroy(reason: DrainReason): void;
}

/** What a connection needs from its pool. */
export interface ConnectionOwner {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  /** Called once, when the response is over. */
  remove(connection: PooledConnection): void;
}

/** An open connection. */
export interface ConnectionInfo extends ConnectionLabels {
  /** When it was opened, in ms since 1970. */
  readonly since: number;
  /** User events written. */
  readonly events: number;
  /** Bytes written, heartbeats and control events included. */
  readonly bytes: number;
}

export interface ConnectionPoolOptions {
  readonly runtime: Runtime;
  readonly maxConnections: number;
  readonly maxConnectionsPerKey: number;
  /** Called with the first connection of a key. The returned function is called when the last one is over. */
  readonly onKey: (key: string) => () => void;
}

/** The open connections of a registry: limited in number, with one scheduler for all, and drained together. */
export class ConnectionPool {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly #maxConnections: number;
  readonly #maxConnectionsPerKey: number;
  /** Each connection, with whether it counts towards the limit. */
  readonly #connections = new Map<PooledConnection, boolean>();
  /** Those that count. */
  readonly #byKey: ConnectionsByKey;
  #size = 0;
  #draining = false;
  /** Streams whose clients are still served while everybody else is drained. */
  #isExempt: (id: string | undefined) => boolean = () => false;
  #spread = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: ConnectionPoolOptions) {
    const { runtime, maxConnections, maxConnectionsPerKey, onKey } = options;
    this.runtime = runtime;
    this.scheduler = new Scheduler(runtime.clock);
    this.#maxConnections = maxConnections;
    this.#maxConnectionsPerKey = maxConnectionsPerKey;
    this.#byKey = new ConnectionsByKey(onKey);
  }

  /** How many connections count towards the limit. */
  get size(): number {
    return this.#size;
  }

  /** The time in ms over which drained clients spread their reconnections. */
  get spread(): number {
    return this.#spread;
  }

  /** Why no further connection is admitted now; `undefined` if one is. */
  rejectReason({ id, key }: ConnectionLabels, counted: boolean): DrainReason | undefined {
    if (this.#draining && !this.#isExempt(id)) return "shutdown";
    if (!counted) return undefined;
    const ofKey = key === undefined ? 0 : (this.#byKey.get(key)?.size ?? 0);
    return this.#size >= this.#maxConnections || ofKey >= this.#maxConnectionsPerKey ? "busy" : undefined;
  }

  /** The counted connections, or those of one key, the oldest first. */
  list(key: string | undefined): ConnectionInfo[] {
    return Array.from(this.#select(key), ({ labels, since, transfer }) => {
      const { events = 0, bytes = 0 } = transfer ?? {};
      return { id: labels.id, key: labels.key, since, events, bytes };
    });
  }

  /**
   * Drains the connections of a key.
   *
   * @param cause why, for the observer and `onClose`
   */
  disconnect(key: string, cause?: unknown): void {
    for (const connection of Array.from(this.#select(key))) connection.drain("aborted", 0, cause);
  }

  *#select(key: string | undefined): Generator<PooledConnection> {
    if (key !== undefined) return yield* this.#byKey.get(key) ?? [];
    for (const [connection, counted] of this.#connections) if (counted) yield connection;
  }

  /** @param counted whether the connection counts towards the limit */
  add(connection: PooledConnection, counted: boolean): void {
    this.#connections.set(connection, counted);
    if (!counted) return;
    this.#size++;
    this.#byKey.add(connection);
  }

  /** Idempotent, and without effect for a connection that was never added. */
  remove(connection: PooledConnection): void {
    const counted = this.#connections.get(connection);
    if (counted === undefined) return;
    this.#connections.delete(connection);
    if (counted) this.#size--;
    if (counted) this.#byKey.remove(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Drains all connections and admits no more, except those of streams that are exempt. */
  startDrain(spread: number, isExempt: (id: string | undefined) => boolean): void {
    this.#draining = true;
    this.#spread = spread;
    this.#isExempt = isExempt;
    for (const connection of this.#connections.keys()) {
      if (!isExempt(connection.labels.id)) connection.drain("shutdown", spread);
    }
  }

  /** Drains all connections and admits no more. Destroys those that are still open after `deadline` ms. */
  async drain(deadline: number, spread: number): Promise<void> {
    this.startDrain(spread, () => false);
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.runtime.clock.after(deadline, resolve);
      this.#onEmpty = () => {
        cancelTimer();
        resolve();
      };
    });
    for (const connection of this.#connections.keys()) connection.destroy("shutdown");
  }
}
