// Covers src/errors.ts, src/database.ts, src/migrate.ts and src/hints: what a service sees when Postgres does not play along.

import { createRegistry } from "@holdfast/core";
import type { Pool } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { type PostgresPool, postgresStore, type PostgresStoreOptions } from "../src/index.ts";
import { LAYOUT } from "../src/sql/index.ts";
import { texts } from "./support/outbox.ts";
import { createPools, programs, usePostgres } from "./support/postgres-server.ts";
import { append, STREAM } from "./support/stream.ts";

const isUnavailable = (reason: RegExp, retryable = true): unknown =>
  expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable, message: expect.stringMatching(reason) });

describe.skipIf(programs === undefined)("a store on Postgres", () => {
  const server = usePostgres();

  async function setUp(options: Partial<PostgresStoreOptions> = {}) {
    const { schema, pools } = await createPools(server());
    const [pool, admin] = pools;
    const failures: unknown[] = [];
    const observer = { failed: (info: unknown) => void failures.push(info) };
    const store = postgresStore({ pool, schema, observer, ...options });
    return { schema, pool, admin, store, failures };
  }

  test("says that its schema is missing, and works when it is there", async () => {
    const { store } = await setUp();
    const changes: boolean[] = [];
    onTestFinished(store.health((isHealthy) => void changes.push(isHealthy)));
    await expect(store.open("job", STREAM)).rejects.toEqual(isUnavailable(/npx @holdfast\/postgres migrate/));
    await store.migrate();
    await store.migrate();
    expect(await store.open("job", STREAM)).toMatchObject({ role: "producer" });
    await store.marker();
    expect(await texts(store, "job")).toEqual([]);
    expect(changes).toEqual([false, true]);
  });

  test("is migrated by several processes at once", async () => {
    const { store, admin, schema } = await setUp();
    await Promise.all([store, postgresStore({ pool: admin, schema }), store].map((one) => one.migrate()));
    await store.open("job", STREAM);
  });

  test("refuses a schema of another layout", async () => {
    const { store, admin, schema } = await setUp();
    await store.migrate();
    await admin.query(`UPDATE ${schema}.settings SET value = '${LAYOUT + 1}' WHERE name = 'layout'`);
    const layouts = new RegExp(
      `layout "${LAYOUT + 1}".* layout ${LAYOUT}|layout "${LAYOUT + 1}", not ${LAYOUT}`,
    );
    await expect(store.open("job", STREAM)).rejects.toEqual(isUnavailable(layouts));
    await expect(store.migrate()).rejects.toEqual(isUnavailable(layouts));
  });

  test("says that the server is read-only, and serves reads meanwhile", async () => {
    const { pool, admin, schema } = await setUp();
    const readOnly: PostgresPool = {
      async connect() {
        const client = await pool.connect();
        await client.query("SET default_transaction_read_only = on");
        return client;
      },
    };
    const writable = postgresStore({ pool: admin, schema });
    await writable.migrate();
    await writable.open("job", STREAM);
    const store = postgresStore({ pool: readOnly, schema });
    for (const call of [
      () => store.open("other", STREAM),
      () => store.marker(),
      () => append(store, "job", 1, ["f1"]),
    ]) {
      await expect(call()).rejects.toEqual(isUnavailable(/read-only/));
    }
    expect(await texts(store, "job")).toEqual([]);
  });

  test("fails one id alone whose frames somebody has removed", async () => {
    const { store, admin, schema } = await setUp();
    const changes: boolean[] = [];
    onTestFinished(store.health((isHealthy) => void changes.push(isHealthy)));
    await store.migrate();
    for (const id of ["job", "other"]) await store.open(id, STREAM);
    await append(store, "job", 1, ["f1", "f2", "f3"]);
    await admin.query(`DELETE FROM ${schema}.frames WHERE seq = 2`);
    await expect(texts(store, "job")).rejects.toEqual(isUnavailable(/did not write/, false));
    expect(await texts(store, "other")).toEqual([]);
    expect(changes).toEqual([]);
  });

  test("keeps the order of appends that do not wait for each other", async () => {
    const { store } = await setUp();
    await store.migrate();
    await store.open("job", STREAM);
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
    const appends = numbers.map((seq) => append(store, "job", seq, [`f${seq}`]));
    expect(await Promise.all(appends)).toEqual(numbers.map((last) => ({ code: "ok", last })));
    expect(await texts(store, "job")).toEqual(numbers.map((seq) => `f${seq}`));
  });

  test("serves roles whose transactions are serializable", async () => {
    const { pool, admin, schema } = await setUp();
    const serializable: PostgresPool = {
      async connect() {
        const client = await pool.connect();
        await client.query("SET default_transaction_isolation = 'serializable'");
        return client;
      },
    };
    await postgresStore({ pool: admin, schema }).migrate();
    const stores = [pool, admin].map(() => postgresStore({ pool: serializable, schema }));
    const opened = await Promise.all(
      stores.map((store, index) =>
        store.open("room", { ...STREAM, kind: "channel", epoch: `epoch${index}` }),
      ),
    );
    const { epoch } = opened[0] as { epoch: string };
    await Promise.all(
      stores.flatMap((store, index) =>
        Array.from({ length: 10 }, (_, number) =>
          store.append("room", {
            epoch,
            fence: 0,
            batch: { producer: `p${index}`, number: number + 1 },
            frames: [Buffer.from("f")],
            leaseMs: 1_000,
            ttlMs: 60_000,
          }),
        ),
      ),
    );
    expect(await texts(stores[0] as (typeof stores)[0], "room")).toHaveLength(20);
  });

  test("gives its clients back with the last registry, so that the pool ends", async () => {
    const { store, pool } = await setUp();
    await store.migrate();
    const registries = [createRegistry({ store }), createRegistry({ store })];
    for (const [index, registry] of registries.entries())
      (await registry.open(`job ${index}`)).push({ data: 1 });
    await eventually(() => expect(pool.totalCount).toBeGreaterThan(1));
    await Promise.all(registries.map((registry) => registry.close()));
    await eventually(() => expect(pool.totalCount).toBe(pool.idleCount));
  });

  test("says when the connection for hints gets none, as behind PgBouncer, and is read all the same", async () => {
    const { pool, schema } = await setUp();
    const failures: unknown[] = [];
    const store = postgresStore({
      pool,
      listenPool: withoutNotifications(pool),
      schema,
      timeout: 500,
      observer: { failed: (info) => void failures.push(info) },
    });
    await store.migrate();
    await store.open("job", STREAM);
    const wake = store.wake(["job"], () => undefined);
    onTestFinished(() => wake.close());
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toMatchObject({
      stage: "store",
      error: { message: expect.stringMatching(/PgBouncer.*listenPool/) },
    });
    await append(store, "job", 1, ["f1"]);
    expect(await texts(store, "job")).toEqual(["f1"]);
  });

  test("has no more than one connection for hints, also for many ids, and none without", async () => {
    const { store, admin, schema } = await setUp();
    await store.migrate();
    const listening = async (): Promise<number> => {
      const text = "SELECT FROM pg_stat_activity WHERE query ~ $1 AND pid <> pg_backend_pid()";
      return (await admin.query(text, [`LISTEN .${schema}_`])).rows.length;
    };
    const wakes = Array.from({ length: 50 }, (_, index) => store.wake([`job ${index}`], () => undefined));
    await eventually(async () => expect(await listening()).toBe(1));
    for (const wake of wakes) wake.close();
    await eventually(async () => expect(await listening()).toBe(0));
  });
});

/** Connections that pass no notification on. */
function withoutNotifications(pool: Pool): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, name) {
          if (name === "on") {
            return (event: string, listener: () => void) =>
              event !== "notification" && target.on(event as "error", listener);
          }
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
}
