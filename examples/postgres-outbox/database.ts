import { Pool, type PoolClient } from "pg";

/** The pool of a process: it serves the orders and the store of the registry. */
export function createPool(): Pool {
  const pool = new Pool({ connectionString: process.env["DATABASE_URL"] });
  // An idle connection has failed. The pool opens another one when it needs one.
  pool.on("error", (error) => console.error("Postgres:", error));
  return pool;
}

/** Runs statements in one transaction. It is rolled back if `run` throws. */
export async function inTransaction<T>(pool: Pool, run: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await run(client);
    await client.query("COMMIT");
    client.release();
    return result;
  } catch (error) {
    const isOpen = await client.query("ROLLBACK").then(
      () => true,
      () => false,
    );
    client.release(!isOpen);
    throw error;
  }
}
