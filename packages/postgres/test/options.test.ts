import { expect, test } from "vitest";
import { migrationSql, postgresStore } from "../src/index.ts";

const pool = { connect: () => Promise.reject(new Error("no server")) };

test.for([
  ["no pool", {}],
  ["a client instead of a pool", { pool: { query() {} } }],
  ["a pool of one client", { pool: { ...pool, options: { max: 1 } } }],
  ["something else as `listenPool`", { pool, listenPool: {} }],
  ["a schema that needs quotes", { pool, schema: "My schema" }],
  ["another `synchronousCommit`", { pool, synchronousCommit: "local" }],
  ["a timeout of 0", { pool, timeout: 0 }],
  ["an infinite interval", { pool, pollInterval: Infinity }],
] as const)("%s is refused with INVALID_OPTION", ([, options]) => {
  const create = (): unknown => postgresStore(options as unknown as Parameters<typeof postgresStore>[0]);
  expect(create).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
});

test("a pool of one client will do beside a `listenPool`", () => {
  postgresStore({ pool: { ...pool, options: { max: 1 } } as typeof pool, listenPool: pool });
});

test("a server that cannot be reached is unavailable", async () => {
  const store = postgresStore({ pool });
  const error = { code: "STORE_UNAVAILABLE", retryable: true };
  await expect(store.read("job", null, { frames: 1, bytes: 1 })).rejects.toMatchObject(error);
  await expect(store.migrate()).rejects.toMatchObject(error);
});

test("the SQL to read names nothing but its schema", () => {
  const sql = migrationSql("events");
  expect(sql).toMatch(/^CREATE SCHEMA IF NOT EXISTS events;/);
  expect(sql).not.toContain("holdfast");
  expect(() => migrationSql('a"; DROP')).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
});
