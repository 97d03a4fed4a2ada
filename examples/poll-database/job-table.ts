import { DatabaseSync } from "node:sqlite";
import type { StreamEvent } from "@holdfast/express";
import type { JobEvents } from "./events.ts";

export type JobEvent = StreamEvent<JobEvents>;

export interface JobRow {
  readonly id: string;
  readonly state: "pending" | "running" | "done";
  /** Number of slices to count. */
  readonly slices: number;
}

/** The row of a job, with its events after a given one. */
export interface FoundJob extends JobRow {
  readonly events: readonly JobEvent[];
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'done')),
    slices INTEGER NOT NULL,
    touched INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (job, seq)
  ) STRICT, WITHOUT ROWID;
`;

/** Time without a new event after which another worker may take over a job, in ms. */
const LEASE = 3_000;

/** Jobs and their events, in SQLite. Several processes may use one file. */
export class JobTable {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(path: string = ":memory:", now: () => number = Date.now) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec(SCHEMA);
    this.#now = now;
  }

  add(id: string, slices: number): void {
    this.#run("INSERT INTO jobs VALUES (?, 'pending', ?, ?)", id, slices, this.#now());
  }

  /** Deletes a job with its events. Returns false when there is no such job. */
  remove(id: string): boolean {
    return this.#run("DELETE FROM jobs WHERE id = ?", id);
  }

  /** Returns a job with its events after event number `after`. */
  find(id: string, after: number): FoundJob | undefined {
    // Reads the row before the events: once the row says `done`, all events are in the table.
    const job = this.#database.prepare("SELECT id, state, slices FROM jobs WHERE id = ?").get(id);
    if (job === undefined) return undefined;
    const rows = this.#database
      .prepare("SELECT event, data FROM events WHERE job = ? AND seq > ? ORDER BY seq")
      .all(id, after);
    const events = rows.map(({ event, data }) => ({ event, data: JSON.parse(String(data)) }) as JobEvent);
    return { ...(job as unknown as JobRow), events };
  }

  /** Claims the oldest job that no worker is working on. */
  claim(): JobRow | undefined {
    const now = this.#now();
    const claimed = this.#database
      .prepare(
        `UPDATE jobs SET state = 'running', touched = ? WHERE id = (
           SELECT id FROM jobs WHERE state = 'pending' OR (state = 'running' AND touched < ?) ORDER BY rowid LIMIT 1
         ) RETURNING id, state, slices`,
      )
      .get(now, now - LEASE);
    return claimed as unknown as JobRow | undefined;
  }

  /**
   * Writes event number `seq` of a job. Returns false when the job was deleted, or when another worker has already
   * written that event.
   */
  append(id: string, seq: number, { event, data }: JobEvent): boolean {
    const insert = "INSERT OR IGNORE INTO events SELECT id, ?, ?, ? FROM jobs WHERE id = ?";
    const state = event === "done" ? "done" : "running";
    this.#database.exec("BEGIN IMMEDIATE");
    const written = this.#run(insert, seq, event, JSON.stringify(data), id);
    if (written) this.#run("UPDATE jobs SET state = ?, touched = ? WHERE id = ?", state, this.#now(), id);
    this.#database.exec("COMMIT");
    return written;
  }

  close(): void {
    this.#database.close();
  }

  /** Returns whether any row has changed. */
  #run(sql: string, ...values: (string | number)[]): boolean {
    return this.#database.prepare(sql).run(...values).changes > 0;
  }
}
