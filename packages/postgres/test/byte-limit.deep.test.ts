// Covers `limit_bytes` of src/sql/store-functions.ts, and schemas that an earlier version has created.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Pool } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { postgresStore, type PostgresStore } from "../src/index.ts";
import { inTransaction } from "./support/outbox.ts";
import { createPools, programs, usePostgres } from "./support/postgres-server.ts";
import { append, STREAM } from "../../core/test/support/store-calls.ts";

const KEEP_BYTES = 100_000;
const LIMITED = { ...STREAM, keep: 1_000_000, keepBytes: KEEP_BYTES };
const CHANNEL = { ...LIMITED, kind: "channel" as const };
const KB = "x".repeat(1_000);

/** All that `migrate` of the version before has executed, and what it executed in a schema that is there. */
const EARLIER_SQL = readFileSync(join(import.meta.dirname, "support/before-byte-limit.sql"), "utf8");
const EARLIER_FUNCTIONS = EARLIER_SQL.slice(
  EARLIER_SQL.indexOf("CREATE OR REPLACE FUNCTION"),
  EARLIER_SQL.indexOf("CREATE CONSTRAINT TRIGGER"),
);

describe.skipIf(programs === undefined)("the limit of bytes", () => {
  const server = usePostgres();

  async function setUp() {
    const { schema, pools } = await createPools(server());
    const [pool] = pools;
    const store = postgresStore({ pool, schema });
    const countFrames = async (): Promise<number> =>
      Number((await pool.query(`SELECT count(*) FROM ${schema}.frames`)).rows[0].count);
    return { schema, pool, store, countFrames };
  }

  async function boundsOf(store: PostgresStore, id: string): Promise<readonly [first: number, last: number]> {
    const page = await store.read(id, null, { frames: 1, bytes: 1 });
    return page.code === "ok" ? [page.meta.first, page.meta.last] : [0, 0];
  }

  test("what is trimmed leaves the table", async () => {
    const { store, countFrames } = await setUp();
    await store.migrate();
    await store.open("job", LIMITED);
    for (let seq = 1; seq <= 1_000; seq += 20) {
      await append(store, "job", seq, Array<string>(20).fill(KB));
      // 118 are kept, and up to 63 rows go later, many at once.
      expect(await countFrames()).toBeLessThanOrEqual(118 + 63);
    }
    const [first, last] = await boundsOf(store, "job");
    expect(last - first + 1).toBeGreaterThanOrEqual(100);
  });

  test("it holds for what transactions push", async () => {
    const { store, pool, schema } = await setUp();
    await store.migrate();
    await store.open("room", CHANNEL);
    const wake = store.wake(["room"], () => undefined);
    onTestFinished(() => wake.close());
    const push = (id: string): string => `SELECT ${schema}.push('${id}', NULL, '${KB}')`;
    for (let last = 300; last <= 900; last += 300) {
      await inTransaction(pool, ...Array<string>(300).fill(push("room")));
      await eventually(async () => expect((await boundsOf(store, "room"))[1]).toBe(last));
      const [first] = await boundsOf(store, "room");
      expect(last - first + 1).toBeGreaterThanOrEqual(98);
      expect(last - first + 1).toBeLessThanOrEqual(118);
    }
    await pool.query(push("new"));
    await eventually(async () => expect(await boundsOf(store, "new")).toEqual([1, 1]));
    const { rows } = await pool.query(`SELECT keep_bytes FROM ${schema}.streams WHERE id = 'new'`);
    expect(rows).toEqual([{ keep_bytes: "8388608" }]);
  });

  test("a large stream that had no limit is trimmed some thousand frames at a time", async () => {
    const { store } = await setUp();
    await store.migrate();
    await store.open("job", { ...STREAM, keep: 100_000 });
    for (let seq = 1; seq <= 25_000; seq += 5_000)
      await append(store, "job", seq, Array<string>(5_000).fill("x"));
    const epoch = "bbbbbbbbbb";
    await store.open("job", { ...STREAM, keep: 100_000, epoch, ifExists: "append", keepBytes: 1 });
    const firsts: number[] = [];
    for (let seq = 25_001; seq <= 25_004; seq++) {
      await append(store, "job", seq, ["x"], { epoch, fence: 2 });
      firsts.push((await boundsOf(store, "job"))[0]);
    }
    expect(firsts).toEqual([1, 10_001, 20_001, 25_004]);
  });

  test("a schema of an earlier version is brought up to date while its processes run", async () => {
    const { store, pool, schema, countFrames } = await setUp();
    const earlier = earlierProcess(pool, schema);
    await pool.query(EARLIER_SQL.replaceAll("holdfast", schema));
    await earlier.open("room");
    for (let count = 0; count < 200; count++) await earlier.append("room");

    await store.migrate();
    await store.migrate();
    await earlier.append("room");
    await earlier.open("room");
    expect(await boundsOf(store, "room")).toEqual([1, 201]);

    // A process of each version pushes. The frames of the earlier one are counted, too: the functions are the same.
    await store.open("room", CHANNEL);
    await earlier.open("room");
    const { frames, ...times } = { frames: [Buffer.from(KB)], leaseMs: 1, ttlMs: 600_000 };
    const push = () => store.append("room", { epoch: STREAM.epoch, fence: 0, frames, ...times });
    for (let count = 0; count < 200; count++) {
      await push();
      await earlier.append("room");
    }
    expect(await countFrames()).toBeLessThanOrEqual(118 + 63);

    await store.open("job", LIMITED);
    await append(store, "job", 1, Array<string>(110).fill(KB));

    // A process of the earlier version starts, and brings its own functions back: then nothing is counted.
    await pool.query(EARLIER_FUNCTIONS.replaceAll("holdfast", schema));
    await earlier.open("room");
    await store.open("room", CHANNEL);
    await push();
    await earlier.append("room");
    await earlier.replace("job");

    // The next one of this version: what another life has counted is forgotten.
    await store.migrate();
    expect(await boundsOf(store, "room")).toEqual([expect.any(Number), 603]);
    await store.open("job", { ...LIMITED, epoch: "cccccccccc", ifExists: "append" });
    for (let seq = 1; seq <= 99; seq++)
      await append(store, "job", seq, [KB], { epoch: "cccccccccc", fence: 3 });
    expect(await boundsOf(store, "job")).toEqual([1, 99]);
  });
});

/** The calls of a process of the version before. */
function earlierProcess(pool: Pool, schema: string) {
  const open = (id: string, kind: string, epoch: string, ifExists: string): Promise<unknown> =>
    pool.query(
      `SELECT * FROM ${schema}.open($1, $2, $3, 600000, 600000, 1000000, $4, NULL, 0, NULL, 0, '[]'::jsonb)`,
      [id, kind, epoch, ifExists],
    );
  return {
    open: (id: string) => open(id, "channel", STREAM.epoch, "throw"),
    replace: (id: string) => open(id, "stream", "bbbbbbbbbb", "replace"),
    async append(id: string) {
      const text = `SELECT * FROM ${schema}.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`;
      const values = [id, STREAM.epoch, 0, null, Buffer.from(KB), [1_000], 600_000, 600_000];
      const { rows } = await pool.query(text, [...values, null, null, null, null, null, null, ""]);
      expect(JSON.parse(rows[0].append)).toMatchObject({ code: "ok" });
    },
  };
}
