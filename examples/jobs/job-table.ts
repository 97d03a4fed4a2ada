import { DatabaseSync } from "node:sqlite";
import type { FinishedSnapshot, StreamEvent } from "@holdfast/hono";
import type { JobEvents } from "./events.ts";
import type { JobRequest } from "./job-request.ts";

type JobEvent = StreamEvent<JobEvents>;

/** A job that has not ended. */
export interface UnfinishedJob {
  readonly id: string;
  readonly request: JobRequest;
}

/**
 * The jobs, in the same file as their streams: those that have not ended, for a process that goes on with them, and the
 * results of the latest, for readers that connect when the events are no longer kept.
 */
export class JobTable {
  readonly #database: DatabaseSync;
  readonly #max: number;

  /**
   * @param path the file; the default is a table in memory
   * @param max how many jobs are kept; of those that have ended, the oldest are removed first
   */
  constructor(path = ":memory:", max = 1_000) {
    this.#max = max;
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, request TEXT NOT NULL, hasEnded INTEGER DEFAULT 0,
        result TEXT)`);
  }

  add(id: string, { path, filesPerSecond }: JobRequest): void {
    // JSON has no Infinity.
    const request = JSON.stringify({ path, ...(filesPerSecond !== Infinity && { filesPerSecond }) });
    this.#database.prepare("INSERT INTO jobs (id, request) VALUES (?, ?)").run(id, request);
    this.#database
      .prepare("DELETE FROM jobs WHERE hasEnded = 1 AND rowid <= (SELECT max(rowid) FROM jobs) - ?")
      .run(this.#max);
  }

  end(id: string): void {
    this.#database.prepare("UPDATE jobs SET hasEnded = 1 WHERE id = ?").run(id);
  }

  /** The oldest first. */
  unfinished(): UnfinishedJob[] {
    const rows = this.#database
      .prepare("SELECT id, request FROM jobs WHERE hasEnded = 0 ORDER BY rowid")
      .all();
    return rows.map(({ id, request }) => ({
      id: String(id),
      request: {
        filesPerSecond: Infinity,
        ...(JSON.parse(String(request)) as Partial<JobRequest>),
      } as JobRequest,
    }));
  }

  /** The result of a job that is done. */
  get(id: string): FinishedSnapshot<JobEvents> | undefined {
    const row = this.#database.prepare("SELECT result FROM jobs WHERE id = ? AND result IS NOT NULL").get(id);
    if (row === undefined) return undefined;
    return { state: "done", events: [JSON.parse(String(row["result"])) as JobEvent] };
  }

  /** Passes the events of a job on, and keeps its `done` event. */
  async *record(id: string, events: AsyncIterable<JobEvent>): AsyncGenerator<JobEvent> {
    for await (const event of events) {
      if (event.event === "done")
        this.#database.prepare("UPDATE jobs SET result = ? WHERE id = ?").run(JSON.stringify(event), id);
      yield event;
    }
  }
}
