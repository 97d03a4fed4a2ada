import type { Runtime } from "../protocol/runtime.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import { Scheduler } from "./scheduler.ts";

/** A connection as the pool sees it. */
export interface PooledConnection {
  drain(reason: DrainReason, spread: number): void;
  destroy(reason: DrainReason): void;
}

export interface ConnectionPoolOptions {
  readonly runtime: Runtime;
  readonly heartbeat: number;
  readonly maxConnections: number;
}

/** The connections of a registry: one scheduler for all, bounded in number, drained together. */
export class ConnectionPool {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly #maxConnections: number;
  /** Each with whether it counts against the limit. */
  readonly #connections = new Map<PooledConnection, boolean>();
  #size = 0;
  #draining = false;
  #spread = 0;
  #empty: (() => void) | undefined;

  constructor({ runtime, heartbeat, maxConnections }: ConnectionPoolOptions) {
    this.runtime = runtime;
    this.scheduler = new Scheduler(runtime.clock, heartbeat);
    this.#maxConnections = maxConnections;
  }

  /** How many count against the limit. */
  get size(): number {
    return this.#size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Over how many ms the return of those who are sent away is spread. */
  get spread(): number {
    return this.#spread;
  }

  /** Why one more cannot be taken in now. */
  rejectReason(counted: boolean): DrainReason | undefined {
    if (this.#draining) return "shutdown";
    return counted && this.#size >= this.#maxConnections ? "busy" : undefined;
  }

  add(connection: PooledConnection, counted: boolean): void {
    this.#connections.set(connection, counted);
    if (counted) this.#size++;
  }

  /** Idempotent, and nothing for one that never entered. */
  remove(connection: PooledConnection): void {
    const counted = this.#connections.get(connection);
    if (counted === undefined) return;
    this.#connections.delete(connection);
    if (counted) this.#size--;
    if (this.#connections.size === 0) this.#empty?.();
  }

  /** Sends everyone away and lets nobody in; who is still there at the deadline is cut. */
  async drain(deadline: number, spread: number): Promise<void> {
    this.#draining = true;
    this.#spread = spread;
    for (const connection of this.#connections.keys()) connection.drain("shutdown", spread);
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const disarm = this.runtime.clock.after(deadline, resolve);
      this.#empty = () => {
        disarm();
        resolve();
      };
    });
    for (const connection of this.#connections.keys()) connection.destroy("shutdown");
  }
}
