import { setTimeout as pause } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { describe, test } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { createFile } from "./support/file.ts";
import { removeRows } from "./support/tables.ts";

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
        flush: async () => removeRows(file.path),
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
