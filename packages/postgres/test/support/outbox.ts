import type { Store } from "@holdfast/core";
import type { Pool } from "pg";

/** The frames of an id as text; none where the store does not know it. */
export async function texts(store: Store, id: string): Promise<readonly string[]> {
  const page = await store.read(id, null, { frames: 100_000, bytes: 100_000_000 });
  return page.code === "ok" ? page.frames.map((frame) => Buffer.from(frame).toString()) : [];
}

/** Runs statements in one transaction. */
export async function inTransaction(pool: Pool, ...statements: readonly string[]): Promise<void> {
  const client = await pool.connect();
  let isDone = false;
  try {
    for (const statement of ["BEGIN", ...statements, "COMMIT"]) await client.query(statement);
    isDone = true;
  } finally {
    client.release(!isDone);
  }
}
