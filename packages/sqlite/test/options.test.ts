import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createRegistry } from "@holdfast/core";
import { expect, test } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { createFile } from "./support/file.ts";
import { STREAM } from "../../core/test/support/store-calls.ts";

test.for([
  ["neither a path nor a database", {}],
  ["both", { path: "a", database: new DatabaseSync(":memory:") }],
  ["a path that is no file", { path: ":memory:" }],
  ["an empty path", { path: "" }],
  ["a database without `prepare`", { database: { exec() {} } }],
  ["another mode", { path: "a", synchronous: "off" }],
  ["a timeout of 0", { path: "a", timeout: 0 }],
  ["an infinite interval", { path: "a", pollInterval: Infinity }],
] as const)("%s is refused with INVALID_OPTION", ([, options]) => {
  const create = (): unknown => sqliteStore(options as unknown as Parameters<typeof sqliteStore>[0]);
  expect(create).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
});

test("`synchronous` and WAL are set on a file of the store's own", async () => {
  const file = createFile();
  const store = sqliteStore({ path: file.path, synchronous: "full" });
  await store.open("job", STREAM);
  const other = new DatabaseSync(file.path);
  expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  other.close();
  store.close();
  store.close();
  file.remove();
});

test("the file is closed with the last registry that uses it", async () => {
  const file = createFile();
  const store = sqliteStore({ path: file.path });
  const [one, two] = [createRegistry({ store }), createRegistry({ store })];
  await (await one.open("job")).end();
  await one.close();
  expect(existsSync(`${file.path}-wal`)).toBe(true);
  await two.close();
  // SQLite removes it when the last connection is closed.
  expect(existsSync(`${file.path}-wal`)).toBe(false);
  file.remove();
});
