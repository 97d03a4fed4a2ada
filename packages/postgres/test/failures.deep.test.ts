// Covers src/errors.ts, src/database.ts, src/migrate.ts and src/hints: what a service sees when Postgres does not play along.

import { setTimeout as pause } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";
import type { Pool, PoolClient } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { append, STREAM, texts } from "../../core/test/support/store-calls.ts";
import { type PostgresPool, postgresStore, type PostgresStoreOptions } from "../src/index.ts";
import { LAYOUT } from "../src/sql/index.ts";
import { changedPool } from "./support/changed-pool.ts";
import { createPools, programs, usePostgres } from "./support/postgres-server.ts";
import { startProxy } from "./support/proxy.ts";

const isUnavailable = (reason: RegExp, retryable = true): unknown =>
  expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable, message: expect.stringMatching(reason) });

/** What a server sends when it is ready for a statement, and when it ends a connection. */
const READY = Buffer.from("Z\0\0\0\x05I", "latin1");
const FATAL = "SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
const TERMINATED = Buffer.from(`E\0\0\0${String.fromCharCode(FATAL.length + 4)}${FATAL}`, "latin1");

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

  test.each(["user", "order"])("refuses the key word %j as the name of its schema", async (schema) => {
    const { admin } = await setUp();
    await expect(postgresStore({ pool: admin, schema }).migrate()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining(`the schema cannot be called ${schema}`),
    });
  });

  test("survives a server that terminates a connection in the moment in which it is made", async () => {
    const { admin, schema } = await setUp();
    await postgresStore({ pool: admin, schema }).migrate();
    let isTerminating = true;
    const proxy = await startProxy(server().port, (bytes) =>
      isTerminating && bytes.subarray(-6).equals(READY) ? Buffer.concat([bytes, TERMINATED]) : bytes,
    );
    onTestFinished(() => proxy.close());
    const pool = server().pool({ port: proxy.port });
    onTestFinished(() => pool.end());
    const store = postgresStore({ pool, schema, observer: {} });
    await expect(store.migrate()).rejects.toEqual(isUnavailable(/not available/));
    await expect(store.open("job", STREAM)).rejects.toEqual(isUnavailable(/not available/));
    const hints: unknown[] = [];
    const wake = store.wake(["job"], (id) => void hints.push(id));
    onTestFinished(() => wake.close());
    isTerminating = false;
    await store.open("job", STREAM);
    await eventually(() => expect(hints).toContain(undefined));
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

  test("says that the server has too many connections, and goes on when one is free", async () => {
    const { admin, schema } = await setUp();
    await admin.query(`CREATE ROLE ${schema} LOGIN CONNECTION LIMIT 2`);
    await admin.query(`GRANT CREATE ON DATABASE postgres TO ${schema}`);
    const [pool, others] = [server().pool({ user: schema, max: 1 }), server().pool({ user: schema })];
    const store = postgresStore({ pool, listenPool: pool, schema });
    await store.migrate();
    await store.open("job", STREAM);
    // The only connection of the store is closed: an idle one would serve the next call.
    (await pool.connect()).release(true);
    const held: PoolClient[] = [];
    onTestFinished(() => held.forEach((client) => client.release(true)));
    while (held.length < 2) await eventually(async () => held.push(await others.connect()));
    for (const call of [() => append(store, "job", 1, ["f1"]), () => texts(store, "job")])
      await expect(call()).rejects.toEqual(isUnavailable(/too many connections/));
    for (const client of held.splice(0)) client.release(true);
    await eventually(async () =>
      expect(await append(store, "job", 1, ["f1"])).toEqual({ code: "ok", last: 1 }),
    );
    expect(await texts(store, "job")).toEqual(["f1"]);
  });

  test("says that the disk is full, serves reads meanwhile, and goes on when there is room", async () => {
    const { pool, schema } = await setUp();
    const disk = { isFull: false };
    const store = postgresStore({ pool: withDisk(pool, disk), schema });
    const changes: boolean[] = [];
    onTestFinished(store.health((isHealthy) => void changes.push(isHealthy)));
    await store.migrate();
    const wake = store.wake(["job"], () => undefined);
    onTestFinished(() => wake.close());
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1"]);
    disk.isFull = true;
    for (const call of [() => append(store, "job", 2, ["f2"]), () => store.open("other", STREAM)])
      await expect(call()).rejects.toEqual(isUnavailable(/disk of the server is full/));
    expect(await texts(store, "job")).toEqual(["f1"]);
    // Meanwhile the outbox is asked, which has nothing to write.
    await pause(200);
    expect(changes).toEqual([false]);
    disk.isFull = false;
    expect(await append(store, "job", 2, ["f2"])).toEqual({ code: "ok", last: 2 });
    expect(await texts(store, "job")).toEqual(["f1", "f2"]);
    expect(changes).toEqual([false, true]);
  });

  test.for(["on", "off"] as const)(
    "appends as `synchronousCommit` %s says, and nothing else",
    async (value) => {
      const { pool, admin, schema } = await setUp();
      const store = postgresStore({ pool, schema, synchronousCommit: value });
      await store.migrate();
      await store.open("job", STREAM);
      await admin.query(`CREATE TABLE ${schema}.seen (value text);
      CREATE FUNCTION ${schema}.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ${schema}.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE TRIGGER see AFTER INSERT ON ${schema}.frames EXECUTE FUNCTION ${schema}.see()`);
      await append(store, "job", 1, ["f1"]);
      expect((await admin.query(`SELECT value FROM ${schema}.seen`)).rows).toEqual([{ value }]);
      // The service's own statements on the same connection wait for the disk as before.
      const { rows } = await pool.query("SHOW synchronous_commit");
      expect(rows).toEqual([{ synchronous_commit: "on" }]);
    },
  );

  test.for([
    ["53100", false],
    ["57014", false],
    ["57P01", true],
    ["08006", true],
    ["53300", true],
    ["XX000", true],
  ] as const)(
    "after error %s of a server that speaks German, closes its connection: %s",
    async ([code, isClosed]) => {
      const closed: unknown[] = [];
      const client = {
        on: () => undefined,
        removeListener: () => undefined,
        query: () => Promise.reject(Object.assign(new Error("Fehler"), { code, severity: "FEHLER" })),
        release: (destroy: unknown) => void closed.push(destroy),
      };
      const store = postgresStore({ pool: { connect: () => Promise.resolve(client) } });
      await expect(texts(store, "job")).rejects.toEqual(isUnavailable(/available/));
      expect(closed).toEqual([isClosed]);
    },
  );

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

  test("fails one channel alone that takes nothing, says so once, and moves what waits when it does", async () => {
    const { store, admin, schema, failures } = await setUp();
    const changes: boolean[] = [];
    onTestFinished(store.health((isHealthy) => void changes.push(isHealthy)));
    await store.migrate();
    const wake = store.wake(["room"], () => undefined);
    onTestFinished(() => wake.close());
    const push = (id: string) => admin.query(`SELECT ${schema}.push('${id}', NULL, '1')`);
    const expectCount = (id: string, count: number) =>
      eventually(async () => expect(await texts(store, id)).toHaveLength(count));
    await push("room");
    await expectCount("room", 1);
    await admin.query(`INSERT INTO ${schema}.frames SELECT stream, 2, '' FROM ${schema}.streams`);
    // More than one drain looks at.
    await admin.query(`INSERT INTO ${schema}.commits
      SELECT nextval('${schema}.commit_order'), nextval('${schema}.batch'), 'room' FROM generate_series(1, 1000)`);
    await push("room");
    for (const count of [1, 2]) {
      await push("other");
      await expectCount("other", count);
    }
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures).toEqual([
      {
        id: undefined,
        stage: "store",
        error: expect.objectContaining({ message: expect.stringMatching(/"room": .*frames_pkey/) }),
      },
    ]);
    await admin.query(`DELETE FROM ${schema}.frames WHERE frame = ''`);
    await expectCount("room", 2);
    expect([failures.length, changes]).toEqual([1, []]);
  });

  test("tells the observer once, and not the health, that nothing can be moved", async () => {
    const { store, admin, schema, failures } = await setUp();
    const changes: boolean[] = [];
    onTestFinished(store.health((isHealthy) => void changes.push(isHealthy)));
    await store.migrate();
    await admin.query(`CREATE OR REPLACE FUNCTION ${schema}.drain() RETURNS SETOF text LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'canceled' USING ERRCODE = '57014'; END $$`);
    const wake = store.wake(["room"], () => undefined);
    onTestFinished(() => wake.close());
    await eventually(() => expect(failures).toHaveLength(1));
    await pause(1_200);
    expect([failures.length, changes]).toEqual([1, []]);
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
    // A busy server may be reported as well.
    const message = expect.stringMatching(/PgBouncer.*listenPool/);
    const reported = expect.objectContaining({ stage: "store", error: expect.objectContaining({ message }) });
    await eventually(() => expect(failures).toContainEqual(reported));
    await eventually(() => append(store, "job", 1, ["f1"]));
    await eventually(async () => expect(await texts(store, "job")).toEqual(["f1"]));
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

/** Connections to a server that has no room for writes while its disk is full. */
function withDisk(pool: Pool, disk: { readonly isFull: boolean }): PostgresPool {
  const error = { code: "53100", severity: "ERROR" };
  return changedPool(pool, (client) => ({
    query(text: string, values?: unknown[]) {
      const isWrite = /\.(append|open|marker)\(/.test(text);
      if (!disk.isFull || !isWrite) return client.query(text, values);
      return Promise.reject(Object.assign(new Error("could not extend file: No space left"), error));
    },
  }));
}

/** Connections that pass no notification on. */
function withoutNotifications(pool: Pool): PostgresPool {
  return changedPool(pool, (client) => ({
    on: (event: string, listener: () => void) =>
      event !== "notification" && client.on(event as "error", listener),
  }));
}
