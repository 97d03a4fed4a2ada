import { loadSqlite, type SqliteDatabase } from "../../src/database.ts";

export const TABLES = ["store", "streams", "frames", "batches", "hints"] as const;

/** Removes everything, as an operator may. */
export function removeRows(where: string | Pick<SqliteDatabase, "exec">): void {
  const own = typeof where === "string" ? new (loadSqlite())(where) : undefined;
  const database = own ?? (where as Pick<SqliteDatabase, "exec">);
  const removals = TABLES.map((table) => `DELETE FROM holdfast_${table};`);
  database.exec(`PRAGMA busy_timeout = 5000; ${removals.join("")}`);
  own?.close();
}
