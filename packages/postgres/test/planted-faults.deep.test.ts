import * as core from "@holdfast/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { histories, type History } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { findViolation, sourceCopier } from "../../core/test/support/planted-faults.ts";
import type { postgresStore } from "../src/index.ts";
import { faults, SOURCE } from "./support/faults.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";
import { createSimulatedSchema, simulatedPostgresStore } from "./support/simulated-store.ts";

const anyHistory = fc.oneof(...histories.map(([, arbitrary]) => arbitrary));

describe.skipIf(programs === undefined)(
  "the model of registries that share a Postgres finds a planted fault",
  { timeout: 600_000 },
  () => {
    const server = usePostgres();
    const copyStore = sourceCopier<{ readonly postgresStore: typeof postgresStore }>(
      SOURCE,
      "postgres-store.ts",
    );

    test.each(faults.map((fault, index) => ({ ...fault, index })))(
      "$name",
      async ({ index, violation, ...fault }) => {
        const faulty = await copyStore(`fault-${index}`, fault);
        const pool = server().pool();
        const schema = `fault_${index}`;
        await createSimulatedSchema(pool, schema, faulty.postgresStore);
        const runOnPostgres = async (subject: Parameters<typeof run>[0], history: History): Promise<void> => {
          await run(subject, history, await simulatedPostgresStore(pool, schema, faulty.postgresStore));
        };
        expect(await findViolation(core, anyHistory, runOnPostgres, 500, violation, Infinity)).toMatch(
          violation,
        );
      },
    );
  },
);
