import { setTimeout as sleep } from "node:timers/promises";
import type { FoundJob, JobTable } from "./job-table.ts";

/** How the server reads the table: every read is counted, and can be made slow or made to fail. */
export class Reads {
  /** Whether reads throw. */
  down = false;
  /** Whether reads take their time. */
  slow = false;
  made = 0;
  failed = 0;
  /** How many polling loops run. */
  loops = 0;
  readonly #table: JobTable;
  readonly #slowness: (signal: AbortSignal) => Promise<unknown>;

  /** @param slowness what a slow read waits for */
  constructor(
    table: JobTable,
    slowness: (signal: AbortSignal) => Promise<unknown> = (signal) => sleep(2_000, undefined, { signal }),
  ) {
    this.#table = table;
    this.#slowness = slowness;
  }

  /** @throws while the database is down, and when the signal aborts a slow read */
  async find(id: string, after: number, signal: AbortSignal): Promise<FoundJob | undefined> {
    this.made++;
    try {
      if (this.slow) await this.#slowness(signal);
      if (this.down) throw new Error("connect ECONNREFUSED 127.0.0.1:5432");
      return this.#table.find(id, after);
    } catch (error) {
      if (!signal.aborted) this.failed++;
      throw error;
    }
  }

  /** Passes on what a polling loop finds, and counts the loop as long as it runs. */
  async *loop<Event>(events: AsyncIterable<Event>): AsyncGenerator<Event> {
    this.loops++;
    try {
      yield* events;
    } finally {
      this.loops--;
    }
  }
}
