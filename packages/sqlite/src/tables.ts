import type { PageLimits, StoreHint } from "@holdfast/core";
import type { StreamHead } from "@holdfast/core/store-kit";
import type { SqliteDatabase, SqliteStatement } from "./database.ts";
import { brokenStream, unavailable } from "./errors.ts";

/** The version of the layout: the tables, and what is in them. See docs/versions.md. */
export const LAYOUT = 1;

/*
 * A row of `streams` whose `id` is NULL belongs to a life that is over: the sweeper removes it and its frames. `sweep_at` is
 * not updated with `expires_at`, so that an append changes no index: the sweeper corrects it.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS holdfast_store (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holdfast_streams (stream INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE,
  head TEXT NOT NULL, expires_at INTEGER NOT NULL, sweep_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS holdfast_sweep ON holdfast_streams (sweep_at);
CREATE TABLE IF NOT EXISTS holdfast_frames (stream INTEGER, seq INTEGER, frame BLOB NOT NULL,
  PRIMARY KEY (stream, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holdfast_batches (stream INTEGER, producer TEXT, number INTEGER NOT NULL,
  PRIMARY KEY (stream, producer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holdfast_hints (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
  why TEXT NOT NULL, origin INTEGER NOT NULL);
INSERT OR IGNORE INTO holdfast_store VALUES ('layout', '${LAYOUT}');`;

/** At most so many frames are fetched at once, since a page may be full after a few large ones. */
const CHUNK = 32;
/** How many hints are kept. A process that has missed more reads all its streams. */
const HINTS = 10_000;
/** How many frames an append removes at most, beside twice as many as it adds: `first` may rise by thousands at once. */
const TRIM_FRAMES = 256;
/** How many frames one sweep removes at most, so that it takes a few ms. */
const SWEEP_FRAMES = 1_000;
/** The same of streams. */
const SWEEP_STREAMS = 100;
/** More than a page takes: a file without room for it is full. */
const PROBE_BYTES = 8_192;

/** What the file has of an id: the number of its row, and its head. */
export interface StoredStream {
  readonly stream: number;
  readonly head: StreamHead;
}

/** The rows of a database, as prepared statements. Each method is part of a transaction of its caller. */
export class Tables {
  readonly #database: SqliteDatabase;
  readonly #statements = new Map<string, SqliteStatement>();

  /** @throws errors of SQLite, and `STORE_UNAVAILABLE` for a file with another layout */
  constructor(database: SqliteDatabase) {
    this.#database = database;
    const isNew = this.#get("SELECT 1 FROM sqlite_master WHERE name = 'holdfast_hints'") === undefined;
    if (isNew) this.transaction("IMMEDIATE", () => database.exec(SCHEMA));
    const layout = this.#get("SELECT value FROM holdfast_store WHERE name = 'layout'")?.["value"];
    if (typeof layout === "string" && layout !== String(LAYOUT)) {
      const reason = `the file has layout ${layout}, and this version of @holdfast/sqlite uses layout ${LAYOUT}`;
      throw unavailable(undefined, reason);
    }
  }

  /** @throws what `run` throws, and errors of SQLite; then nothing has changed */
  transaction<T>(kind: "IMMEDIATE" | "DEFERRED", run: () => T): T {
    this.#statement(`BEGIN ${kind}`).run();
    try {
      const value = run();
      this.#statement("COMMIT").run();
      return value;
    } catch (error) {
      try {
        this.#statement("ROLLBACK").run();
      } catch {
        // Some errors, such as a full disk, have ended the transaction already.
      }
      throw error;
    }
  }

  /** @throws `STORE_UNAVAILABLE`, not retryable, for data that is not the store's */
  find(id: string): StoredStream | undefined {
    const row = this.#get("SELECT stream, head FROM holdfast_streams WHERE id = ?", id);
    if (row === undefined) return undefined;
    try {
      const head = JSON.parse(String(row["head"])) as StreamHead;
      if (!Number.isSafeInteger(head.last)) throw new Error("The head has no number of its last frame.");
      return { stream: Number(row["stream"]), head };
    } catch (error) {
      throw brokenStream(error);
    }
  }

  /** Begins a life of an id. An earlier one is left to the sweeper. */
  insert(id: string, head: StreamHead): void {
    this.forget(id);
    this.#run(
      "INSERT INTO holdfast_streams (id, head, expires_at, sweep_at) VALUES (?, ?, ?, ?)",
      id,
      JSON.stringify(head),
      head.expiresAt,
      head.expiresAt,
    );
  }

  update(stream: number, head: StreamHead): void {
    const { expiresAt } = head;
    this.#run(
      "UPDATE holdfast_streams SET head = ?, expires_at = ? WHERE stream = ?",
      JSON.stringify(head),
      expiresAt,
      stream,
    );
  }

  /** Makes an id unknown. Returns whether it was known. */
  forget(id: string): boolean {
    const changes = this.#run(
      "UPDATE holdfast_streams SET id = NULL, expires_at = 0, sweep_at = 0 WHERE id = ?",
      id,
    );
    return changes > 0;
  }

  /** Adds the frames whose last one is number `head.last`, and removes some of those before `head.first`. */
  addFrames(stream: number, { first, last }: StreamHead, frames: readonly Uint8Array[]): void {
    const insert = this.#statement("INSERT INTO holdfast_frames VALUES (?, ?, ?)");
    let seq = last - frames.length;
    for (const frame of frames) if (++seq >= first) insert.run(stream, seq, frame);
    if (first === 1) return;
    this.#run(
      `DELETE FROM holdfast_frames WHERE stream = ?1
       AND seq < min(?2, (SELECT min(seq) FROM holdfast_frames WHERE stream = ?1) + ?3)`,
      stream,
      first,
      TRIM_FRAMES + 2 * frames.length,
    );
  }

  /** @throws `STORE_UNAVAILABLE`, not retryable, where a frame is missing */
  page({ stream, head }: StoredStream, start: number, limits: PageLimits): readonly Uint8Array[] {
    const frames: Uint8Array[] = [];
    let bytes = 0;
    while (frames.length < limits.frames) {
      const next = start + frames.length;
      const count = Math.min(CHUNK, limits.frames - frames.length, head.last + 1 - next);
      if (count <= 0) break;
      const rows = this.#all(
        "SELECT seq, frame FROM holdfast_frames WHERE stream = ? AND seq >= ? ORDER BY seq LIMIT ?",
        stream,
        next,
        count,
      );
      if (rows.length < count || Number(rows.at(-1)?.["seq"]) !== next + count - 1) {
        throw brokenStream(new Error(`Frames from ${next} on are missing.`));
      }
      for (const { frame } of rows as { frame: Uint8Array }[]) {
        bytes += frame.length;
        if (bytes > limits.bytes && frames.length > 0) return frames;
        frames.push(frame);
      }
    }
    return frames;
  }

  lastBatch(stream: number, producer: string): number | undefined {
    const row = this.#get(
      "SELECT number FROM holdfast_batches WHERE stream = ? AND producer = ?",
      stream,
      producer,
    );
    return row === undefined ? undefined : Number(row["number"]);
  }

  saveBatch(stream: number, producer: string, number: number): void {
    this.#run("INSERT OR REPLACE INTO holdfast_batches VALUES (?, ?, ?)", stream, producer, number);
  }

  addHint(id: string, why: StoreHint, origin: number): void {
    this.#run("INSERT INTO holdfast_hints (id, why, origin) VALUES (?, ?, ?)", id, why, origin);
  }

  /** Changes when another connection has committed. */
  dataVersion(): unknown {
    return this.#get("PRAGMA data_version")?.["data_version"];
  }

  /** The numbers of the oldest and the newest hint; both 0 without any. */
  hintBounds(): { readonly oldest: number; readonly newest: number } {
    const row = this.#get("SELECT min(n) AS oldest, max(n) AS newest FROM holdfast_hints");
    return { oldest: Number(row?.["oldest"] ?? 0), newest: Number(row?.["newest"] ?? 0) };
  }

  /** The hints behind a number that other stores have given. */
  hintsAfter(n: number, origin: number): readonly { readonly id: string; readonly why: StoreHint }[] {
    const sql = "SELECT DISTINCT id, why FROM holdfast_hints WHERE n > ? AND origin <> ?";
    return this.#all(sql, n, origin) as { id: string; why: StoreHint }[];
  }

  /** The marker of the data, which becomes `fresh` if there is none. Fails if the file has no room for another page. */
  marker(fresh: string): string {
    this.#run("INSERT OR REPLACE INTO holdfast_store VALUES ('probe', ?)", "x".repeat(PROBE_BYTES));
    this.#run("DELETE FROM holdfast_store WHERE name = 'probe'");
    this.#run(
      "INSERT OR IGNORE INTO holdfast_store VALUES ('layout', ?), ('marker', ?)",
      String(LAYOUT),
      fresh,
    );
    return String(this.#get("SELECT value FROM holdfast_store WHERE name = 'marker'")?.["value"]);
  }

  /** Removes some of what is expired. Returns how many rows, and whether there may be more. */
  sweep(now: number): { readonly removed: number; readonly isFull: boolean } {
    this.#run(
      "UPDATE holdfast_streams SET sweep_at = expires_at WHERE sweep_at <= ? AND expires_at > ?",
      now,
      now,
    );
    let removed = this.#run(
      "DELETE FROM holdfast_hints WHERE n <= (SELECT max(n) FROM holdfast_hints) - ?",
      HINTS,
    );
    let rest = SWEEP_FRAMES;
    const streams = this.#all(
      "SELECT stream FROM holdfast_streams WHERE sweep_at <= ? LIMIT ?",
      now,
      SWEEP_STREAMS,
    ) as { stream: number }[];
    for (const { stream } of streams) {
      const frames = this.#run(
        `DELETE FROM holdfast_frames WHERE stream = ?1
         AND seq < (SELECT min(seq) FROM holdfast_frames WHERE stream = ?1) + ?2`,
        stream,
        rest,
      );
      removed += frames;
      rest -= frames;
      if (rest <= 0) break;
      removed += this.#run("DELETE FROM holdfast_batches WHERE stream = ?", stream);
      removed += this.#run("DELETE FROM holdfast_streams WHERE stream = ?", stream);
    }
    return { removed, isFull: rest <= 0 || streams.length === SWEEP_STREAMS };
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return (this.#statement(sql).get(...values) ?? undefined) as Record<string, unknown> | undefined;
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values) as Record<string, unknown>[];
  }

  #run(sql: string, ...values: (string | number)[]): number {
    return Number((this.#statement(sql).run(...values) as { changes?: unknown }).changes);
  }
}
