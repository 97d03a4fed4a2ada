// What docs/more-than-one-machine.md says of the costs.

import type { Pool } from "pg";
import { describe, expect, test } from "vitest";
import { append, STREAM } from "../../core/test/support/store-calls.ts";
import { type PostgresPool, postgresStore } from "../src/index.ts";
import { changedPool } from "./support/changed-pool.ts";
import { createPools, programs, usePostgres } from "./support/postgres-server.ts";

const BATCH = 64;

describe.skipIf(programs === undefined)("the costs in Postgres", () => {
  const server = usePostgres();

  test("an append reads as little as ever, however many events were trimmed before", async () => {
    const { schema, pools } = await createPools(server());
    const blocks: number[] = [];
    const store = postgresStore({ pool: withBlocks(pools[0], blocks), schema });
    await store.migrate();
    const keep = 4 * BATCH;
    await store.open("job", { ...STREAM, keep });
    const batch = Array.from({ length: BATCH }, () => "f".repeat(100));
    for (let round = 0; round < 120; round++) await append(store, "job", round * BATCH + 1, batch);
    const most = (from: number, to: number): number => Math.max(...blocks.slice(from, to));
    expect(most(100, 120)).toBeLessThan(1.2 * most(10, 30));
    const { rows } = await pools[1].query(`SELECT count(*)::int AS kept FROM ${schema}.frames`);
    expect(rows).toEqual([{ kept: expect.toSatisfy((kept: number) => kept >= keep && kept < keep + BATCH) }]);
  });

  test("an open stream takes less than 1 kB, and an event 100 bytes beside its frame", async () => {
    const { schema, pools } = await createPools(server());
    const [pool, admin] = pools;
    const store = postgresStore({ pool, schema });
    await store.migrate();
    const size = async (table: string): Promise<number> => {
      const text = `SELECT pg_total_relation_size('${schema}.${table}')::int AS size`;
      return (await admin.query<{ size: number }>(text)).rows[0]?.size as number;
    };
    const streams = 500;
    for (let index = 0; index < streams; index++) await store.open(`job ${index}`, STREAM);
    expect((await size("streams")) / streams).toBeLessThan(1_000);
    const frames = Array.from({ length: 1_000 }, () => "f".repeat(200));
    for (let round = 0; round < 5; round++) await append(store, "job 0", round * frames.length + 1, frames);
    expect((await size("frames")) / (5 * frames.length)).toBeLessThan(300);
  });
});

/** Also notes how many pages of the database each append has looked at. It is repeated, which changes nothing. */
function withBlocks(pool: Pool, blocks: number[]): PostgresPool {
  return changedPool(pool, (client) => ({
    async query(text: string, values?: unknown[]) {
      if (/^SELECT \S+ FROM \S+\.append\(/.test(text)) {
        const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
        const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
        blocks.push(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]);
      }
      return client.query(text, values);
    },
  }));
}
