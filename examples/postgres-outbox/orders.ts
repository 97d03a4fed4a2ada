import type { Pool, PoolClient } from "pg";
import { inTransaction } from "./database.ts";
import type { Ledger, OrderEvents } from "./events.ts";

/** The channel of the feed: a new one for each run of the example, whose figures start at 0. */
export const CHANNEL: string = process.env["CHANNEL"] ?? "orders";

/** A sequence is not rolled back, so it counts all transactions. */
export const SCHEMA = `
  DROP SCHEMA IF EXISTS holdfast_example CASCADE;
  CREATE SCHEMA holdfast_example;
  CREATE TABLE holdfast_example.orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL, shipped_at timestamptz);
  CREATE INDEX ON holdfast_example.orders (id) WHERE shipped_at IS NULL;
  CREATE SEQUENCE holdfast_example.attempts AS int;
`;

/** The transaction was rolled back on purpose. */
export class RolledBack extends Error {}

type Row = OrderEvents["placed"];

/** The event belongs to the transaction of the client: it exists exactly if the transaction is committed. */
async function push(client: PoolClient, event: keyof OrderEvents, order: Row): Promise<void> {
  await client.query("SELECT holdfast.push($1, $2, $3)", [CHANNEL, event, JSON.stringify(order)]);
}

/** @throws {RolledBack} */
export function placeOrder(pool: Pool, item: string, rollBack: boolean): Promise<Row> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Row>(
      `INSERT INTO holdfast_example.orders (item) VALUES ($1)
        RETURNING id AS order, item, nextval('holdfast_example.attempts')::int AS attempt`,
      [item],
    );
    const order = rows[0] as Row;
    await push(client, "placed", order);
    if (rollBack) throw new RolledBack();
    return order;
  });
}

/**
 * Ships the oldest order that no other worker ships. Resolves with `undefined` if there is none.
 *
 * @param pack takes its time, and may reject: then the order is not shipped
 */
export function shipOrder(pool: Pool, pack: (order: Row) => Promise<void>): Promise<Row | undefined> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Row>(
      `UPDATE holdfast_example.orders SET shipped_at = now()
        WHERE id = (SELECT id FROM holdfast_example.orders WHERE shipped_at IS NULL
          ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)
        RETURNING id AS order, item, nextval('holdfast_example.attempts')::int AS attempt`,
    );
    const [order] = rows;
    if (order === undefined) return undefined;
    await push(client, "shipped", order);
    await pack(order);
    return order;
  });
}

/** What has happened to the transactions, which is what a reader of the feed must have seen. */
export async function readLedger(pool: Pool): Promise<Omit<Ledger, "isSettled">> {
  const { rows } = await pool.query<{ committed: number; attempts: number; open: number }>(`
    SELECT (SELECT count(*) + count(shipped_at) FROM holdfast_example.orders)::int AS committed,
      (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM holdfast_example.attempts)::int AS attempts,
      (SELECT count(*) FROM pg_locks WHERE relation = 'holdfast_example.orders'::regclass
        AND mode = 'RowExclusiveLock')::int AS open`);
  const { committed, attempts, open } = rows[0] as (typeof rows)[0];
  return { committed, open, rolledBack: Math.max(0, attempts - committed - open) };
}
