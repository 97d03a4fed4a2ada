import {
  type Clock,
  HoldfastError,
  type Observer,
  type Store,
  type StoreHint,
  systemClock,
} from "@holdfast/core";
import { createReport, wallTime } from "@holdfast/core/internal";
import {
  appendToHead,
  cancelHead,
  createHealth,
  createHintListeners,
  type HintListeners,
  keyOf,
  loseHead,
  openHead,
  readHead,
} from "@holdfast/core/store-kit";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { loadSqlite, type SqliteDatabase } from "./database.ts";
import { isAboutId, isBusy, unavailable } from "./errors.ts";
import { HintPoller } from "./hint-poller.ts";
import type { Tables } from "./tables.ts";
import { WriteQueue } from "./write-queue.ts";

/** Options of {@link sqliteStore}. Either `path` or `database` is needed. */
export interface SqliteStoreOptions {
  /**
   * The file, on a disk of this machine; its folder must exist. The store opens it, and keeps two more files beside it
   * (`-wal`, `-shm`) while it is open. It is closed with the last registry that uses the store.
   */
  readonly path?: string;
  /**
   * A database that the service has opened: a `DatabaseSync` of `node:sqlite`, or a `Database` of `bun:sqlite`. The store
   * creates tables in it whose names begin with `holdfast_`, and neither closes nor configures it: set `journal_mode = WAL`
   * and a short `busy_timeout`, and leave no transaction open across an `await`.
   */
  readonly database?: SqliteDatabase;
  /**
   * `normal`: everything stored survives the death of every process, but the last moments may not survive a power failure.
   * `full`: they do, and each batch waits for the disk. Only with `path`.
   *
   * @default "normal"
   */
  readonly synchronous?: "normal" | "full";
  /** How long a call may wait for a locked file, in ms. @default 5_000 */
  readonly timeout?: number;
  /** How often a process that reads asks the file whether others have written, in ms. @default 20 */
  readonly pollInterval?: number;
  /** Its `failed` is called, with the stage `store`, when a listener of hints throws, or nothing can be removed. @default console.warn */
  readonly observer?: Observer;
  /** For the timers of this process. @default systemClock */
  readonly clock?: Clock;
  /** Returns the time by which leases and expiry run, in ms: the same for all processes of a file. @default Date.now */
  readonly now?: () => number;
  /** Returns random numbers in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Returns what kind of file system a folder is on. Only with `path`. @default statfsSync of `node:fs` */
  readonly statfs?: (path: string) => { readonly type: number };
}

/** A {@link Store} in a file. */
export interface SqliteStore extends Store {
  /** Returns the text that names the data of the file. */
  marker(): Promise<string>;
  /** Closes the file, unless it was given as `database`. The next call opens it again. Idempotent. */
  close(): void;
}

/**
 * A store in an SQLite file, for the processes of one machine. A call that SQLite cannot serve (the file is locked, full,
 * read-only, corrupt or on a network file system) rejects with `STORE_UNAVAILABLE`, retryable, with the reason in its message.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const jobs = createRegistry({ store: sqliteStore({ path: "streams.db" }), durability: "stored" });
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { timeout = 5_000, pollInterval = 20, clock = systemClock, random = Math.random } = options;
  const { now = wallTime } = options;
  checkPositive("timeout", timeout);
  checkPositive("pollInterval", pollInterval);

  const connection = new Connection(connectionOptions(options));
  const report = createReport(options.observer);
  const reportFailure = (error: unknown, id?: string): void =>
    report("failed", { id, stage: "store", error });
  const health = createHealth(() => close);
  const origin = Math.floor(random() * 2 ** 40);
  const poller = new HintPoller({
    connection,
    listeners: () => listeners,
    clock,
    interval: pollInterval,
    origin,
  });
  const listeners: HintListeners = createHintListeners({
    onChange: () => poller.start(),
    onIdle: () => poller.stop(),
    onError: reportFailure,
  });

  /** The error for a caller. What is about one id says nothing about the file. */
  function failed(kind: "read" | "write", error: unknown): unknown {
    if (isAboutId(error)) return error;
    connection.failed(error);
    health.report(kind, false);
    return HoldfastError.is(error) ? error : unavailable(error);
  }

  const writes = new WriteQueue({
    clock,
    tables() {
      connection.closeReplaced();
      return connection.tables;
    },
    timeout,
    now,
    onFailure: (error) => failed("write", error),
    onSweepFailure: reportFailure,
    onSuccess: () => health.report("write", true),
  });

  function close(): void {
    writes.stop();
    connection.close();
  }

  /** @param run returns the result, and which hint there is to send */
  async function write<T>(
    id: string,
    run: (tables: Tables, key: string) => readonly [result: T, hint: StoreHint | undefined],
  ): Promise<T> {
    const key = keyOf(id);
    const [result, hint] = await writes.write((tables) => {
      const done = run(tables, key);
      if (done[1] !== undefined) tables.addHint(key, done[1], origin);
      return done;
    });
    if (hint !== undefined) listeners.notify(key, hint);
    return result;
  }

  async function read<T>(id: string, run: (tables: Tables, key: string) => T): Promise<T> {
    const key = keyOf(id);
    const deadline = clock.now() + timeout;
    for (;;) {
      try {
        const { tables } = connection;
        const result = tables.transaction("DEFERRED", () => run(tables, key));
        health.report("read", true);
        return result;
      } catch (error) {
        if (!isBusy(error) || clock.now() >= deadline) throw failed("read", error);
      }
      await new Promise<void>((resolve) => clock.after(pollInterval, resolve));
    }
  }

  return {
    open: (id, open) =>
      write(id, (tables, key) => {
        const found = tables.find(key);
        const { opened, head, isNewLife, isNews } = openHead(found?.head, open, now());
        if (head !== undefined && isNewLife) tables.insert(key, head);
        else if (head !== undefined && found !== undefined) tables.update(found.stream, head);
        return [opened, isNews ? "changed" : undefined];
      }),

    append: (id, append) =>
      write(id, (tables, key) => {
        const found = tables.find(key);
        const { batch } = append;
        const lastBatch = found && batch && tables.lastBatch(found.stream, batch.producer);
        const { appended, head, frames, isNewBatch, isNews } = appendToHead(
          found?.head,
          append,
          now(),
          lastBatch,
        );
        if (head !== undefined && found !== undefined) {
          tables.addFrames(found.stream, head, frames);
          if (isNewBatch && batch) tables.saveBatch(found.stream, batch.producer, batch.number);
          tables.update(found.stream, head);
        }
        return [appended, isNews ? "changed" : undefined];
      }),

    read: (id, after, limits) =>
      read(id, (tables, key) => {
        const found = tables.find(key);
        const start = readHead(found?.head, after, now());
        if (start.code !== "ok" || found === undefined) return start as Exclude<typeof start, { code: "ok" }>;
        return { code: "ok", meta: start.meta, frames: tables.page(found, start.next, limits) };
      }),

    cancel: (id, reason, graceMs = 0) =>
      write(id, (tables, key) => {
        const found = tables.find(key);
        const head = cancelHead(found?.head, reason, graceMs, now());
        if (head === undefined || found === undefined) return [false, undefined];
        tables.update(found.stream, head);
        return [true, "cancel"];
      }),

    lost: (id, fence, end) =>
      write(id, (tables, key) => {
        const found = tables.find(key);
        const head = loseHead(found?.head, fence, end, now());
        if (head === undefined || found === undefined) return [false, undefined];
        tables.update(found.stream, head);
        return [true, "changed"];
      }),

    delete: (id) => write(id, (tables, key) => [undefined, tables.forget(key) ? "changed" : undefined]),
    hintDisconnect: (id) => write(id, () => [undefined, "disconnect"]),
    marker: () =>
      writes.write((tables) => tables.marker(`${random().toString(36).slice(2)}${now().toString(36)}`)),
    wake: listeners.wake,
    health: (onChange) => health.addListener(onChange),
    close,
  };
}

function connectionOptions({
  path,
  database,
  synchronous = "normal",
  statfs,
}: SqliteStoreOptions): ConnectionOptions {
  if ((path === undefined) === (database === undefined)) throw invalid("either `path` or `database`");
  if (!["normal", "full"].includes(synchronous)) throw invalid('`synchronous` as "normal" or "full"');
  if (database !== undefined) {
    if (typeof database.exec !== "function" || typeof database.prepare !== "function") {
      throw invalid("`database` with the methods `exec` and `prepare`");
    }
    return { database };
  }
  if (typeof path !== "string" || path === "" || path.startsWith(":")) {
    throw invalid("`path` as the name of a file; give a database in memory as `database`");
  }
  const Database = loadSqlite();
  return { path, synchronous, openDatabase: (file) => new Database(file), ...(statfs && { statfs }) };
}

function checkPositive(name: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0))
    throw invalid(`\`${name}\` as a positive number of milliseconds`);
}

function invalid(expected: string): HoldfastError {
  return new HoldfastError("INVALID_OPTION", `sqliteStore needs ${expected}.`, { expose: false });
}
