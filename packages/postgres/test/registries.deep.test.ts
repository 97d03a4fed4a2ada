import * as core from "@holdfast/core";
import fc from "fast-check";
import type { Pool } from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { histories } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";
import { createSimulatedSchema, simulatedPostgresStore } from "./support/simulated-store.ts";

const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 1_000);

describe.skipIf(programs === undefined)("registries that share a Postgres", () => {
  const server = usePostgres();
  let pool: Pool;
  beforeAll(async () => {
    pool = server().pool();
    await createSimulatedSchema(pool, "holdfast");
  });

  test.each(histories)(
    "lose, duplicate and leak nothing in random histories in which %s",
    async (_, arbitrary, share) => {
      await fc.assert(
        fc.asyncProperty(arbitrary, async (history) => {
          const store = await simulatedPostgresStore(pool, "holdfast");
          try {
            await run(core, history, store);
          } finally {
            await store.close();
          }
        }),
        { numRuns: Math.ceil(RUNS * share) },
      );
      expect.assertions(0);
    },
    36_000_000,
  );
});
