import { DatabaseSync } from "node:sqlite";
import type { Store } from "@holdfast/core";
import { createFakeClock } from "@holdfast/core/testing";
import type { SimulatedStore } from "../../../core/test/model/store/simulation.ts";
import { sqliteStore } from "../../src/index.ts";
import { createFile, MEMORY_FOLDER } from "./file.ts";
import { removeRows, TABLES } from "./tables.ts";

/** How many connections the simulated processes share. */
const CONNECTIONS = 3;

/**
 * A store in a file for simulated processes, whose leases and timers run by the clock of the simulation. It needs no more:
 * SQLite answers at once.
 *
 * @param createStore the store under test. @default sqliteStore
 */
export function simulatedSqliteStore(
  createStore: typeof sqliteStore = sqliteStore,
): SimulatedStore & { close(): void } {
  const file = createFile(MEMORY_FOLDER);
  const clock = createFakeClock(1_000_000_000);
  const stores = Array.from({ length: CONNECTIONS }, () =>
    // Every 20 ms would be the most of what a history does.
    createStore({ path: file.path, clock, now: () => clock.now(), pollInterval: 500 }),
  );
  let admin: DatabaseSync | undefined;
  /** Opened late: the first process makes the file. */
  const database = (): DatabaseSync => (admin ??= new DatabaseSync(file.path));
  /** A store that nobody has called has no tables. */
  const hasTables = (): boolean =>
    database().prepare("SELECT 1 FROM sqlite_master WHERE name = 'holdfast_hints'").get() !== undefined;
  let next = 0;
  return {
    clock,
    connect: () => stores[next++ % stores.length] as Store,
    trim(id, keep) {
      if (!hasTables()) return;
      const set = "head = json_set(head, '$.first', max(json_extract(head, '$.first'), ?1))";
      const row = database()
        .prepare("SELECT stream, json_extract(head, '$.last') AS last FROM holdfast_streams WHERE id = ?")
        .get(id) as { stream: number; last: number } | undefined;
      if (row === undefined) return;
      const first = row.last - keep + 1;
      database().prepare(`UPDATE holdfast_streams SET ${set} WHERE stream = ?2`).run(first, row.stream);
      database().prepare("DELETE FROM holdfast_frames WHERE stream = ? AND seq < ?").run(row.stream, first);
    },
    flush() {
      if (hasTables()) removeRows(database());
    },
    copy() {
      if (!hasTables()) return () => undefined;
      const saved = TABLES.map((table) => ({
        table,
        rows: database().prepare(`SELECT * FROM holdfast_${table}`).all(),
      }));
      return () => {
        database().exec("BEGIN IMMEDIATE");
        removeRows(database());
        for (const { table, rows } of saved) {
          for (const row of rows) {
            const places = Object.keys(row).fill("?").join();
            database()
              .prepare(`INSERT INTO holdfast_${table} VALUES (${places})`)
              .run(...Object.values(row));
          }
        }
        database().exec("COMMIT");
      };
    },
    close() {
      admin?.close();
      for (const store of stores) store.close();
      file.remove();
    },
  };
}
