import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/core/testing";
import { describe, test } from "vitest";
import { storeSuite } from "../src/store-suite/index.ts";

// Covers createMemoryStore of @holdfast/core/testing.

storeSuite(
  { describe, test },
  {
    name: "in memory",
    async open() {
      const store = createMemoryStore({ clock: systemClock });
      return { store, flush: async () => store.flush(), pause: (ms) => pause(ms), async close() {} };
    },
  },
);
