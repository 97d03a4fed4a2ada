import { setTimeout as sleep } from "node:timers/promises";
import type { FoundJob, JobTable } from "./job-table.ts";

/** Reads the table, counts the reads, and can make them slow or make them fail. */
export class Reads {
  /** Makes reads throw. */
  down = false;
  /** Makes reads slow. */
  slow = false;
  made = 0;
  failed = 0;
  /** Number of polling loops that are running. */
  loops = 0;
  readonly #table: JobTable;
  readonly #delay: (signal: AbortSignal) => Promise<unknown>;

  /** @param delay delays a slow read */
  constructor(
    table: JobTable,
    delay: (signal: AbortSignal) => Promise<unknown> = (signal) => sleep(2_000, undefined, { signal }),
  ) {
    this.#table = table;
    this.#delay = delay;
  }

  /** @throws while `down`, and when the signal aborts a slow read */
  async find(id: string, after: number, signal: AbortSignal): Promise<FoundJob | undefined> {
    this.made++;
    try {
      if (this.slow) await this.#delay(signal);
      if (this.down) throw new Error("connect ECONNREFUSED 127.0.0.1:5432");
      return this.#table.find(id, after);
    } catch (error) {
      if (!signal.aborted) this.failed++;
      throw error;
    }
  }

  /** Passes on the events of a polling loop, and counts the loop while it runs. */
  async *loop<Event>(events: AsyncIterable<Event>): AsyncGenerator<Event> {
    this.loops++;
    try {
      yield* events;
    } finally {
      this.loops--;
    }
  }
}
