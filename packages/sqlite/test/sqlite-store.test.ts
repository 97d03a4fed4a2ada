import { setTimeout as pause } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { describe, test } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { createFile } from "./support/file.ts";

const TABLES = ["store", "streams", "frames", "batches", "hints"];

function removeRows(database: DatabaseSync): void {
  database.exec(TABLES.map((table) => `DELETE FROM holdfast_${table};`).join("\n"));
}

storeSuite(
  { describe, test },
  {
    name: "in a file, as two processes have it",
    async open() {
      const file = createFile();
      const [store, other] = [sqliteStore({ path: file.path }), sqliteStore({ path: file.path })];
      return {
        store,
        other,
        async flush() {
          const database = new DatabaseSync(file.path, { timeout: 5_000 });
          removeRows(database);
          database.close();
        },
        pause: (ms) => pause(ms),
        async close() {
          store.close();
          other.close();
          file.remove();
        },
      };
    },
  },
);

storeSuite(
  { describe, test },
  {
    name: "in a database of the service",
    async open() {
      const database = new DatabaseSync(":memory:");
      return {
        store: sqliteStore({ database }),
        flush: async () => removeRows(database),
        pause: (ms) => pause(ms),
        close: async () => database.close(),
      };
    },
  },
);
