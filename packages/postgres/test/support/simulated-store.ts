import type { Store, StoreWake } from "@holdfast/core";
import { createFakeClock } from "@holdfast/core/testing";
import type { Pool, PoolClient } from "pg";
import type { SimulatedStore } from "../../../core/test/model/store/simulation.ts";
import { PendingCalls, settlingClock } from "../../../core/test/support/pending-calls.ts";
import { type PostgresPool, postgresStore } from "../../src/index.ts";
import { removeRows, TABLES } from "./tables.ts";

/** How many stores the simulated processes share. */
const STORES = 3;

/** The schema of a simulation: its functions take the time from a setting of the connection. */
export async function createSimulatedSchema(
  pool: Pool,
  schema: string,
  createStore: typeof postgresStore = postgresStore,
): Promise<void> {
  await createStore({ pool, schema }).migrate();
  await pool.query(`CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql AS $$
    SELECT current_setting('simulated.time')::bigint $$`);
}

/**
 * A store on a real Postgres for simulated processes. Hints do not leave the process: they reach the listeners of all stores
 * with the answer of the call.
 *
 * @param pool of a schema that nobody else uses; at most one simulation at a time
 */
export async function simulatedPostgresStore(
  pool: Pool,
  schema: string,
  createStore: typeof postgresStore = postgresStore,
): Promise<SimulatedStore & { close(): Promise<void> }> {
  await removeRows(pool, schema);
  const calls = new PendingCalls();
  const clock = settlingClock(() => calls.settle());
  const stores = Array.from({ length: STORES }, () =>
    createStore({
      pool: withTime(pool, () => clock.now()),
      listenPool: { connect: () => new Promise(() => undefined) },
      schema,
      // Nothing waits for a real time: neither time-outs nor hints that share a statement.
      clock: createFakeClock(),
    }),
  );
  const connected = stores.map((store) =>
    calls.watch({ ...store, wake: (ids, onWake) => joined(stores.map((one) => one.wake(ids, onWake))) }),
  );
  let next = 0;
  return {
    clock,
    connect: () => connected[next++ % STORES] as Store,
    async trim(id, keep) {
      await pool.query(
        `WITH trimmed AS (UPDATE ${schema}.streams SET first = greatest(first, last - $2 + 1) WHERE id = $1
          RETURNING stream, first)
        DELETE FROM ${schema}.frames AS f USING trimmed AS t WHERE f.stream = t.stream AND f.seq < t.first`,
        [id, keep],
      );
    },
    flush: () => removeRows(pool, schema),
    async copy() {
      const saved: [table: string, rows: string][] = [];
      for (const table of TABLES.filter((name) => name !== "outbox" && name !== "commits")) {
        const { rows } = await pool.query<{ rows: string }>(
          `SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${schema}.${table} AS t`,
        );
        saved.push([table, rows[0]?.rows ?? "[]"]);
      }
      return async () => {
        const client = await pool.connect();
        // A call that is under way finds all that was there before, or all of the copy.
        await client.query(`BEGIN; LOCK TABLE ${schema}.streams IN EXCLUSIVE MODE`);
        await removeRows(client, schema);
        for (const [table, rows] of saved) {
          const source = `json_populate_recordset(NULL::${schema}.${table}, $1)`;
          await client.query(`INSERT INTO ${schema}.${table} SELECT * FROM ${source}`, [rows]);
        }
        await client.query("COMMIT");
        client.release();
      };
    },
    async close() {
      while (await calls.settle());
    },
  };
}

/** By client, the time that it has. */
const times = new WeakMap<PoolClient, number>();

/** A pool whose clients have the time of the simulation. */
function withTime(pool: Pool, now: () => number): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect();
      const time = Math.floor(now());
      if (times.get(client) !== time) await client.query(`SET simulated.time = '${time}'`);
      times.set(client, time);
      return client;
    },
  };
}

function joined(wakes: readonly StoreWake[]): StoreWake {
  return {
    add: (id) => wakes.forEach((wake) => wake.add(id)),
    delete: (id) => wakes.forEach((wake) => wake.delete(id)),
    close: () => wakes.forEach((wake) => wake.close()),
  };
}
