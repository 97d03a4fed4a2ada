import { type Clock, HoldfastError } from "@holdfast/core";
import type { Report } from "@holdfast/core/internal";
import type { Database } from "./database.ts";
import { DRAIN_IS_LOCKED } from "./sql/index.ts";

export interface OutboxPollerOptions {
  readonly database: Database;
  readonly schema: string;
  readonly clock: Clock;
  /** In ms. */
  readonly interval: number;
  readonly report: Report;
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
  /** The last poll has failed, in a part at least, and the observer knows. */
  #isFailing = false;

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
    const { database, schema, clock, interval, report, onMoved } = this.#options;
    try {
      // First, so that what has waited in the outbox for too long goes nowhere.
      if (clock.now() >= this.#sweepAt) {
        this.#sweepAt = clock.now() + SWEEP_INTERVAL;
        const [row] = await database.block(`SELECT ${schema}.sweep() AS removed`);
        if (Number(row?.["removed"]) >= FULL_SWEEP) this.#sweepAt = clock.now();
      }
      let error: unknown;
      while (this.#pollAgain && this.#isActive) {
        const rows = await database.block(
          `SELECT id FROM ${schema}.drain() AS id; SELECT current_setting('${schema}.drain_error', true) AS error`,
        );
        const ids = rows.filter(({ id }) => typeof id === "string");
        this.#pollAgain = ids.length > 0;
        for (const { id } of ids) onMoved(String(id));
        error = rows.at(-1)?.["error"];
      }
      if (error === DRAIN_IS_LOCKED) return interval;
      if (typeof error === "string" && error !== "") throw channelFailed(error);
      this.#isFailing = false;
      return interval;
    } catch (error) {
      if (!this.#isFailing) report("failed", { id: undefined, stage: "store", error });
      this.#isFailing = true;
      return Math.max(interval, FAILURE_INTERVAL);
    }
  }
}

function channelFailed(error: string): HoldfastError {
  const message = `What transactions have pushed could not be moved into the channel ${error}`;
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true, expose: false });
}
