/*
 * Runs the store suite in any runtime. The argument says how the file is opened: `path`, or `bun` with a `Database` of
 * `bun:sqlite`. Prints what fails, and a line with the counts.
 */
import { setTimeout as pause } from "node:timers/promises";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { sqliteStore, type SqliteDatabase } from "../../src/index.ts";
import { createFile, MEMORY_FOLDER } from "./file.ts";
import { removeRows } from "./tables.ts";

const [, , mode] = process.argv;
const tests: { readonly name: string; readonly run: () => Promise<void> }[] = [];
const runner = {
  describe: (_: string, register: () => void) => register(),
  test: (name: string, run: () => Promise<void>) => void tests.push({ name, run }),
};

type DatabaseClass = new (path: string) => SqliteDatabase;

/** TypeScript does not know the module. */
const BUN_SQLITE: string = "bun:sqlite";

async function openInBun(path: string): Promise<SqliteDatabase> {
  const { Database } = (await import(BUN_SQLITE)) as { Database: DatabaseClass };
  const database = new Database(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10");
  return database;
}

storeSuite(runner, {
  name: mode ?? "path",
  async open() {
    const file = createFile(MEMORY_FOLDER);
    const databases = mode === "bun" ? [await openInBun(file.path), await openInBun(file.path)] : [];
    const [store, other] = [0, 1].map((index) => {
      const database = databases[index];
      return sqliteStore(database === undefined ? { path: file.path } : { database });
    }) as [ReturnType<typeof sqliteStore>, ReturnType<typeof sqliteStore>];
    return {
      store,
      other,
      flush: async () => removeRows(file.path),
      pause: (ms) => pause(ms),
      async close() {
        for (const one of [store, other, ...databases]) one.close();
        file.remove();
      },
    };
  },
});

let failed = 0;
for (const { name, run } of tests) {
  try {
    await run();
  } catch (error) {
    failed++;
    console.log(`failed: ${name}`, error);
  }
}
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
