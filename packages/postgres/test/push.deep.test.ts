// Covers src/sql/outbox-functions.ts and src/outbox-poller.ts.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createRegistry, encodeEvent, type SseEvent } from "@holdfast/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from "../src/index.ts";
import { inTransaction, startReaders } from "./support/outbox.ts";
import { createPools, programs, usePostgres } from "./support/postgres-server.ts";
import { STREAM, texts } from "../../core/test/support/store-calls.ts";

describe.skipIf(programs === undefined)("push in a transaction", () => {
  const server = usePostgres();

  async function setUp(options: Partial<PostgresStoreOptions> = {}) {
    const { schema, pools } = await createPools(server());
    const [pool, other] = pools;
    const store = postgresStore({ pool, schema, ...options });
    await store.migrate();
    const push = (channel: string, event: string | null, data: string | null): string =>
      `SELECT ${schema}.push(${[channel, event, data].map(literal).join()})`;
    return { schema, pool, other, store, push };
  }

  /** Moves what is pushed into channels until the test is over. */
  function drain(store: PostgresStore): void {
    const wake = store.wake(["anybody"], () => undefined);
    onTestFinished(() => wake.close());
  }

  async function expectTexts(store: PostgresStore, id: string, data: readonly string[]): Promise<void> {
    const expected = data.map((text) => `data: ${text}\n\n`);
    await eventually(async () => expect(await texts(store, id)).toEqual(expected));
  }

  test("has its events exactly if the transaction is committed, in the order of the commits", async () => {
    const { store, pool, other, push } = await setUp();
    drain(store);
    const early = await other.connect();
    await early.query("BEGIN");
    await early.query(push("room", null, "pushed first, committed last"));
    await inTransaction(
      pool,
      push("room", null, "a1"),
      push("elsewhere", null, "b1"),
      push("room", null, "a2"),
    );
    const failing = inTransaction(pool, push("room", null, "never"), "SELECT 1 / 0");
    await expect(failing).rejects.toThrow("division by zero");
    await pool.query(push("room", null, "a3"));
    await expectTexts(store, "room", ["a1", "a2", "a3"]);
    await expectTexts(store, "elsewhere", ["b1"]);
    await early.query("COMMIT");
    early.release();
    await expectTexts(store, "room", ["a1", "a2", "a3", "pushed first, committed last"]);
  });

  test("writes the bytes that `push` of a channel would", async () => {
    const { store, pool, push } = await setUp();
    drain(store);
    const events: SseEvent[] = [
      { event: "created", data: '{"id":1}' },
      { data: "" },
      { event: "", data: "one\ntwo\r\nthree\rfour\n" },
      { event: "ünï 🙂", data: ": data: \u00a0🙂\t%{}\\r\\1 $$ ' \"" },
      { data: "\n\r\n\n" },
    ];
    for (const { event = null, data } of events) await pool.query(push("room", event, String(data)));
    const expected = events.map((event) => Buffer.from(encodeEvent(event)).toString());
    await eventually(async () => expect(await texts(store, "room")).toEqual(expected));
  });

  test.for([
    ["an empty channel", "", "x", "x"],
    ["a control character in a channel", "a\u0007", "x", "x"],
    ["a channel of 257 characters", "a".repeat(257), "x", "x"],
    ["a channel of 258 UTF-16 units", "🙂".repeat(129), "x", "x"],
    ["a line end in an event", "a", "x\ny", "x"],
    ["a reserved event", "a", "stream.end", "x"],
    ["no data", "a", "x", null],
    ["too much data", "a", "x", "x".repeat(1_048_577)],
    ["too many lines", "a", "x", "\n".repeat(200_000)],
    ["too long a name", "a", "x".repeat(1_048_577), ""],
  ] as const)("refuses %s", async ([, channel, event, data]) => {
    const { pool, push } = await setUp();
    await expect(pool.query(push(channel, event, data))).rejects.toMatchObject({ code: /^22/ });
  });

  test("moves much little by little, in order, and others beside it", async () => {
    const { store, pool, push, schema } = await setUp();
    const many = `SELECT ${schema}.push('import', NULL, i::text) FROM generate_series`;
    await inTransaction(pool, `${many}(1, 11000) AS i`, push("other", null, "1"));
    await pool.query(`${many}(11001, 11010) AS i`);
    const drainOnce = async (): Promise<unknown[]> =>
      (await pool.query(`SELECT id FROM ${schema}.drain() AS id`)).rows.map(({ id }) => id);
    const counts: number[] = [];
    while ((await drainOnce()).length > 0) counts.push((await texts(store, "import")).length);
    expect(counts).toEqual([5_000, 10_000, 11_010]);
    const data = Array.from({ length: 11_010 }, (_, index) => `${index + 1}`);
    await expectTexts(store, "import", data);
    await expectTexts(store, "other", ["1"]);
    const left = await pool.query(`SELECT n FROM ${schema}.commits UNION ALL SELECT n FROM ${schema}.outbox`);
    expect(left.rows).toEqual([]);
  });

  test("keeps every id apart that a registry accepts", async () => {
    const { store, pool, push } = await setUp();
    drain(store);
    const ids = ["{}", "%7b%7d", "%", "🙂".repeat(128), " ", "a'b\"c\\"];
    for (const id of ids) await pool.query(push(id, null, id));
    for (const id of ids) await expectTexts(store, id, [id]);
  });

  test("follows savepoints, and constraints that are checked early", async () => {
    const { store, pool, push, schema } = await setUp();
    drain(store);
    await inTransaction(
      pool,
      "SAVEPOINT a",
      push("undone", null, "x"),
      push("room", null, "x"),
      "ROLLBACK TO a",
      push("room", null, "1"),
      "SAVEPOINT b",
      push("room", null, "2"),
      push("late", null, "2"),
      "RELEASE b",
      `SET CONSTRAINTS ${schema}.number_pushes IMMEDIATE`,
      push("room", null, "3"),
      `SET CONSTRAINTS ${schema}.number_pushes DEFERRED`,
      push("room", null, "4"),
    );
    await expectTexts(store, "room", ["1", "2", "3", "4"]);
    await expectTexts(store, "late", ["2"]);
    expect(await texts(store, "undone")).toBe("missing");
  });

  test.for([
    ["RESET ALL"],
    ["RESET ALL", "another push"],
    ["SET CONSTRAINTS ALL IMMEDIATE", "another push", "SET CONSTRAINTS ALL DEFERRED", "a push", "RESET ALL"],
  ])("fails a transaction whose setting is lost, rather than lose its events: %j", async (statements) => {
    const { store, pool, push } = await setUp();
    drain(store);
    const losing = statements.map((text) => (text.endsWith("push") ? push("room", null, "2") : text));
    const failing = inTransaction(pool, push("room", null, "1"), ...losing);
    await expect(failing).rejects.toMatchObject({ code: "55000" });
    await inTransaction(pool, "RESET ALL", push("room", null, "3"));
    await expectTexts(store, "room", ["3"]);
  });

  test("is called by a deferred trigger, too", async () => {
    const { store, pool, push, schema } = await setUp();
    drain(store);
    await pool.query(`CREATE TABLE ${schema}.orders (id int);
      CREATE FUNCTION ${schema}.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM ${schema}.push('12', NULL, 'order ' || NEW.id); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON ${schema}.orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION ${schema}.tell()`);
    const order = `INSERT INTO ${schema}.orders VALUES (1)`;
    await inTransaction(pool, push("12", null, "a"), order, push("12", null, "b"), order);
    await expectTexts(store, "12", ["a", "b", "order 1", "order 1"]);
  });

  test("lets serializable transactions commit that push to the same channels", async () => {
    const { store, pool, other, push } = await setUp();
    drain(store);
    const clients = await Promise.all([pool.connect(), other.connect()]);
    for (let round = 0; round < 10; round++) {
      for (const client of clients) await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
      for (const id of ["a", "b"])
        for (const client of clients) await client.query(push(id, null, `${round}`));
      // They queue for each other, and none fails.
      await Promise.all(clients.map((client) => client.query("COMMIT")));
    }
    for (const client of clients) client.release();
    const rounds = Array.from({ length: 20 }, (_, index) => `${index >> 1}`);
    await expectTexts(store, "a", rounds);
    await expectTexts(store, "b", rounds);
  });

  test("needs no rights but those of the function", async () => {
    const { store, pool, push, schema } = await setUp();
    drain(store);
    await pool.query(`CREATE ROLE ${schema}; GRANT USAGE ON SCHEMA ${schema} TO ${schema}`);
    await inTransaction(pool, `SET LOCAL ROLE ${schema}`, push("room", null, "1"));
    await expectTexts(store, "room", ["1"]);
    const reading = inTransaction(pool, `SET LOCAL ROLE ${schema}`, `SELECT * FROM ${schema}.frames`);
    await expect(reading).rejects.toMatchObject({ code: "42501" });
  });

  test("waits while its channel is the id of a live stream", async () => {
    const { store, pool, push } = await setUp();
    drain(store);
    await store.open("job", STREAM);
    await pool.query(push("job", null, "1"));
    await pool.query(push("room", null, "1"));
    await expectTexts(store, "room", ["1"]);
    expect(await texts(store, "job")).toEqual([]);
    await store.delete("job");
    await expectTexts(store, "job", ["1"]);
  });

  test("reaches a reader of a registry in this process and in another one, behind what registries push", async () => {
    const { store, other, schema, push } = await setUp();
    const registries = [store, postgresStore({ pool: other, schema })].map((one) =>
      createRegistry({ store: one }),
    );
    onTestFinished(async () => void (await Promise.all(registries.map((registry) => registry.close()))));
    const readers = registries.map((registry) => registry.subscribe(registry.channel("orders")));
    await startReaders(readers, () => other.query(push("orders", "start", "")));
    await other.query(push("orders", "created", '{"id":1}'));
    for (const reader of readers) {
      let message = await reader.next();
      while (message.value.event === "start") message = await reader.next();
      expect(message.value).toMatchObject({ event: "created", data: '{"id":1}' });
    }
    registries[0]?.channel("orders").push({ event: "note", data: "2" });
    for (const reader of readers)
      expect((await reader.next()).value).toMatchObject({ event: "note", data: "2" });
    for (const reader of readers) await reader.return?.();
  });

  test("wakes readers at its commit where the transaction notifies", async () => {
    const { store, other, push, schema } = await setUp({ pollInterval: 3_600_000 });
    let wakes = 0;
    const wake = store.wake(["room"], (id) => void (id === undefined && wakes++));
    onTestFinished(() => wake.close());
    await eventually(() => expect(wakes).toBe(1));
    await inTransaction(other, `SET LOCAL ${schema}.notify = 'on'`, push("room", null, "1"));
    await expectTexts(store, "room", ["1"]);
  });

  test("is swept when nobody has read it for a day", async () => {
    const { store, pool, push, schema } = await setUp();
    await pool.query(push("room", null, "old"));
    await pool.query(`UPDATE ${schema}.outbox SET pushed_at = 0`);
    await pool.query(push("room", null, "new"));
    drain(store);
    await expectTexts(store, "room", ["new"]);
  });

  test("works from psql", async () => {
    const { store, push } = await setUp();
    drain(store);
    const where = ["-h", "127.0.0.1", "-p", `${server().port}`, "-U", "holdfast", "-d", "postgres"];
    execFileSync(join(programs as string, "psql"), [...where, "-c", push("orders", "created", '{"id":1}')]);
    await eventually(async () =>
      expect(await texts(store, "orders")).toEqual(['event: created\ndata: {"id":1}\n\n']),
    );
  });
});

function literal(text: string | null): string {
  return text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;
}
