import type { Clock } from "@holdfast/core";
import type { HintListeners } from "@holdfast/core/store-kit";
import type { Connection } from "./connection.ts";
import { isBusy } from "./errors.ts";
import type { Tables } from "./tables.ts";

export interface HintPollerOptions {
  readonly connection: Connection;
  readonly listeners: () => HintListeners;
  readonly clock: Clock;
  /** In ms. */
  readonly interval: number;
  /** The number of this store: its own hints need no way through the file. */
  readonly origin: number;
}

/** Asks the file, while somebody wants hints, whether other connections have committed, and passes their hints on. */
export class HintPoller {
  readonly #options: HintPollerOptions;
  #cancelTimer: (() => void) | undefined;
  /** The tables that were read last. Others are those of a file that was opened again. */
  #tables: Tables | undefined;
  #dataVersion: unknown;
  /** The number of the last hint that was passed on. */
  #last = 0;

  constructor(options: HintPollerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#cancelTimer !== undefined) return;
    this.#tables = undefined;
    this.#schedule();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    const { clock, interval } = this.#options;
    this.#cancelTimer = clock.after(interval, () => {
      this.#schedule();
      this.#poll();
    });
  }

  #poll(): void {
    const { connection } = this.#options;
    try {
      connection.closeReplaced();
      this.#readHints(connection.tables);
    } catch (error) {
      // The calls that fail with it tell the registry, and the listeners have to look when the file is back.
      connection.failed(error);
      if (!isBusy(error)) this.#tables = undefined;
    }
  }

  #readHints(tables: Tables): void {
    const { listeners, origin } = this.#options;
    const isNew = tables !== this.#tables;
    const dataVersion = tables.dataVersion();
    if (!isNew && dataVersion === this.#dataVersion) return;
    const { oldest, newest } = tables.hintBounds();
    const hints = tables.hintsAfter(this.#last, origin);
    const hasLost = isNew || newest < this.#last || oldest > this.#last + 1;
    this.#tables = tables;
    this.#dataVersion = dataVersion;
    this.#last = newest;
    if (hasLost) listeners().notifyAll();
    else for (const { id, why } of hints) listeners().notify(id, why);
  }
}
