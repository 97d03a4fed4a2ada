import type { Clock } from "@holdfast/core";
import type { Database } from "./database.ts";

export interface OutboxPollerOptions {
  readonly database: Database;
  readonly schema: string;
  readonly clock: Clock;
  /** In ms. */
  readonly interval: number;
  /** Frames of this key were moved into its channel. */
  readonly onMoved: (key: string) => void;
}

/** How often what is expired is removed, in ms. */
const SWEEP_INTERVAL = 10_000;
/** A sweep that has removed so many rows has probably left some. */
const FULL_SWEEP = 1_000;
/** When a server that has failed is asked again, in ms. */
const FAILURE_INTERVAL = 1_000;

/** Moves what was pushed in transactions into the channels, and removes what is expired, while somebody wants hints. */
export class OutboxPoller {
  readonly #options: OutboxPollerOptions;
  #cancelTimer: () => void = () => undefined;
  #isActive = false;
  #isPolling = false;
  /** The outbox has more than was read. */
  #pollAgain = false;
  #sweepAt = -Infinity;

  constructor(options: OutboxPollerOptions) {
    this.#options = options;
  }

  setActive(isActive: boolean): void {
    if (this.#isActive === isActive) return;
    this.#isActive = isActive;
    this.#cancelTimer();
    if (isActive) this.poll();
  }

  /** Reads the outbox now, or again. */
  poll(): void {
    if (!this.#isActive) return;
    this.#pollAgain = true;
    if (this.#isPolling) return;
    this.#cancelTimer();
    this.#isPolling = true;
    void this.#poll().then((delay) => {
      this.#isPolling = false;
      if (this.#isActive) this.#cancelTimer = this.#options.clock.after(delay, () => this.poll());
    });
  }

  /** Returns when to poll again, in ms. */
  async #poll(): Promise<number> {
    const { database, schema, clock, interval, onMoved } = this.#options;
    try {
      while (this.#pollAgain && this.#isActive) {
        const rows = await database.block(`SELECT id FROM ${schema}.drain() AS id`);
        this.#pollAgain = rows.length > 0;
        for (const { id } of rows) onMoved(String(id));
      }
      if (clock.now() < this.#sweepAt) return interval;
      const [row] = await database.block(`SELECT ${schema}.sweep() AS removed`);
      this.#sweepAt = clock.now() + (Number(row?.["removed"]) < FULL_SWEEP ? SWEEP_INTERVAL : 0);
      return interval;
    } catch {
      // The database has reported it to whoever listens to the health of the store.
      return Math.max(interval, FAILURE_INTERVAL);
    }
  }
}
