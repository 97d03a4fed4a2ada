import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { SqliteDatabase } from "./database.ts";
import { keepsConnection, unavailable } from "./errors.ts";
import { Tables } from "./tables.ts";

/** Where the tables are. */
export type ConnectionOptions =
  | { readonly database: SqliteDatabase }
  | {
      readonly path: string;
      readonly synchronous: "normal" | "full";
      readonly openDatabase: (path: string) => SqliteDatabase;
      readonly statfs?: (path: string) => { readonly type: number };
    };

/**
 * For how long SQLite itself waits for a lock, in ms. The event loop stands still meanwhile: a longer wait is left to the
 * store's timers.
 */
const BUSY_TIMEOUT = 10;

/** By the magic numbers of Linux: SQLite's locks and its shared memory do not work over a network. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xfe534d42: "SMB",
  0xff534d42: "CIFS",
  0x5346414f: "AFS",
  0x01021997: "9P",
  0x00c36400: "Ceph",
  0x0bd00bd0: "Lustre",
};

interface OpenDatabase {
  readonly tables: Tables;
  readonly database: SqliteDatabase;
  readonly inode: number;
}

/** A connection to the database, which opens when it is needed, and again after it was closed or has failed. */
export class Connection {
  readonly #options: ConnectionOptions;
  #open: OpenDatabase | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @throws errors of SQLite, and `STORE_UNAVAILABLE` for a file that cannot be used */
  get tables(): Tables {
    this.#open ??= this.#openDatabase();
    return this.#open.tables;
  }

  /** Closes the file if it is another one than was opened: somebody has removed or replaced it. Returns whether it was. */
  closeReplaced(): boolean {
    if (this.#open === undefined || !("path" in this.#options)) return false;
    if (inodeOf(this.#options.path) === this.#open.inode) return false;
    this.close();
    return true;
  }

  /** After this error the file is opened again, unless the error says nothing about it. */
  failed(error: unknown): void {
    if (!keepsConnection(error)) this.close();
  }

  /** Idempotent. The next use opens the file again. A database that was given stays open. */
  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if ("path" in this.#options) open?.database.close();
  }

  #openDatabase(): OpenDatabase {
    const options = this.#options;
    if ("database" in options) {
      return { database: options.database, tables: new Tables(options.database), inode: 0 };
    }
    const { path, synchronous, openDatabase, statfs = statfsSync } = options;
    const network = NETWORK_FILE_SYSTEMS[statfs(dirname(path)).type];
    if (network !== undefined)
      throw unavailable(undefined, `the file is on a network file system, ${network}`);
    const database = openDatabase(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = 67108864;`);
      return { database, tables: new Tables(database), inode: inodeOf(path) };
    } catch (error) {
      database.close();
      throw error;
    }
  }
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? -1;
}
