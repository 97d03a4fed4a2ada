// The store of docs/custom-store.md.

import { setTimeout as pause } from "node:timers/promises";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { describe, test } from "vitest";
import { Database, smallStore } from "./small-store.ts";

storeSuite(
  { describe, test },
  {
    name: "a small one",
    async open() {
      const database = new Database();
      return {
        store: smallStore(database),
        other: smallStore(database),
        async flush() {
          database.rows.clear();
          database.marker = "";
        },
        pause: (ms) => pause(ms),
        async close() {},
      };
    },
  },
);
