import type { Runtime } from "../protocol/runtime.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import { Scheduler } from "./scheduler.ts";

/** The part of a connection that its pool uses. */
export interface PooledConnection {
  /** The id of its stream; `undefined` for a bare source. */
  readonly id: string | undefined;
  drain(reason: DrainReason, spread: number): void;
  destroy(reason: DrainReason): void;
}

/** What a connection needs from its pool. */
export interface ConnectionOwner {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  /** Called once, when the response is over. */
  remove(connection: PooledConnection): void;
}

export interface ConnectionPoolOptions {
  readonly runtime: Runtime;
  /** The interval of heartbeats, in ms. */
  readonly heartbeat: number;
  readonly maxConnections: number;
}

/** The open connections of a registry: limited in number, with one scheduler for all, and drained together. */
export class ConnectionPool {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly #maxConnections: number;
  /** Each connection, with whether it counts towards the limit. */
  readonly #connections = new Map<PooledConnection, boolean>();
  #size = 0;
  #draining = false;
  /** Streams whose clients are still served while everybody else is drained. */
  #isExempt: (id: string | undefined) => boolean = () => false;
  #spread = 0;
  #onEmpty: (() => void) | undefined;

  constructor({ runtime, heartbeat, maxConnections }: ConnectionPoolOptions) {
    this.runtime = runtime;
    this.scheduler = new Scheduler(runtime.clock, heartbeat);
    this.#maxConnections = maxConnections;
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
  rejectReason(id: string | undefined, counted: boolean): DrainReason | undefined {
    if (this.#draining && !this.#isExempt(id)) return "shutdown";
    return counted && this.#size >= this.#maxConnections ? "busy" : undefined;
  }

  /** @param counted whether the connection counts towards the limit */
  add(connection: PooledConnection, counted: boolean): void {
    this.#connections.set(connection, counted);
    if (counted) this.#size++;
  }

  /** Idempotent, and without effect for a connection that was never added. */
  remove(connection: PooledConnection): void {
    const counted = this.#connections.get(connection);
    if (counted === undefined) return;
    this.#connections.delete(connection);
    if (counted) this.#size--;
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Drains all connections and admits no more, except those of streams that are exempt. */
  startDrain(spread: number, isExempt: (id: string | undefined) => boolean): void {
    this.#draining = true;
    this.#spread = spread;
    this.#isExempt = isExempt;
    for (const connection of this.#connections.keys()) {
      if (!isExempt(connection.id)) connection.drain("shutdown", spread);
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
