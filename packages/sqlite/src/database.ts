import { HoldfastError } from "@holdfast/core";

/** A value of SQLite, as both `node:sqlite` and `bun:sqlite` take it. */
export type SqliteValue = string | number | null | Uint8Array;

/** A prepared statement. */
export interface SqliteStatement {
  /** The first row, or nothing: `undefined` or `null`. */
  get(...values: SqliteValue[]): unknown;
  /** All rows. */
  all(...values: SqliteValue[]): unknown[];
  /** Executes the statement. */
  run(...values: SqliteValue[]): unknown;
}

/** What the store needs of a database: a `DatabaseSync` of `node:sqlite`, or a `Database` of `bun:sqlite`. */
export interface SqliteDatabase {
  /** Executes statements without values and without results. */
  exec(sql: string): unknown;
  /** Prepares a statement. */
  prepare(sql: string): SqliteStatement;
  /** Closes the file. */
  close(): void;
}

/** @throws `INVALID_OPTION` where the runtime has no SQLite */
export function loadSqlite(): new (path: string) => SqliteDatabase {
  const emitWarning = process.emitWarning.bind(process);
  // Node 22 warns that its SQLite is experimental when it is loaded. Every other warning passes.
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).startsWith("SQLite is an experimental")) {
      Reflect.apply(emitWarning, undefined, [warning, ...rest]);
    }
  };
  try {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    return DatabaseSync;
  } catch (cause) {
    const message = "`path` needs `node:sqlite`, which Node has from 22.13 on. Elsewhere pass a `database`.";
    throw new HoldfastError("INVALID_OPTION", message, { cause, expose: false });
  } finally {
    process.emitWarning = emitWarning;
  }
}
