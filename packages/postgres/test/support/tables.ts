import type { Pool } from "pg";

export const TABLES = ["settings", "streams", "frames", "batches", "retired", "outbox", "commits"] as const;

/** Removes everything, as an operator may. */
export async function removeRows(pool: Pick<Pool, "query">, schema: string): Promise<void> {
  await pool.query(TABLES.map((table) => `DELETE FROM ${schema}.${table}`).join(";"));
}
