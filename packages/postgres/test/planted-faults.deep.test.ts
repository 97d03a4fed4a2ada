import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as core from "@holdfast/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histories, type History } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { expectToFit, type Fault } from "../../core/test/support/planted-faults.ts";
import type { postgresStore } from "../src/index.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";
import { createSimulatedSchema, simulatedPostgresStore } from "./support/simulated-store.ts";

const PACKAGE = join(import.meta.dirname, "..");

const faults: readonly (Fault & { readonly name: string; readonly violation: RegExp })[] = [
  {
    name: "a page leaves its first frame out",
    file: "sql/store-functions.ts",
    original: "r.seq >= v_start",
    replacement: "r.seq >= v_start + (v_start % 3 = 0)::int",
    violation: /^(Idle|token|Event|A client waits|Still held)|did not write/,
  },
  {
    name: "an append forgets what was trimmed",
    file: "sql/store-functions.ts",
    original: "s.first := greatest(s.first, s.last + 1 - s.keep);",
    replacement: "s.first := greatest(1, s.last + 1 - s.keep);",
    violation: /^(Idle|token|Event|A client waits|Still held)|did not write/,
  },
  {
    name: "a batch that is repeated is stored again",
    file: "sql/store-functions.ts",
    original: "IF NOT FOUND THEN v_skip := v_count; END IF;",
    replacement: "",
    violation: /^The store has an event twice|^The channel .* twice$/,
  },
  {
    name: "nobody is ever lost",
    file: "sql/store-functions.ts",
    original: "AND fence = p_fence\n",
    replacement: "AND fence = p_fence + 1\n",
    violation: /^Idle without a producer/,
  },
];

const anyHistory = fc.oneof(...histories.map(([, arbitrary]) => arbitrary));

describe.skipIf(programs === undefined)(
  "the model of registries that share a Postgres finds a planted fault",
  { timeout: 600_000 },
  () => {
    const server = usePostgres();
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "holdfast-planted-faults-"));
      mkdirSync(join(folder, "node_modules/@holdfast"), { recursive: true });
      symlinkSync(join(PACKAGE, "../core"), join(folder, "node_modules/@holdfast/core"));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test.each(faults.map((fault, index) => ({ ...fault, index })))(
      "$name",
      async ({ index, violation, ...fault }) => {
        const copy = join(folder, `fault-${index}`);
        cpSync(join(PACKAGE, "src"), copy, { recursive: true });
        expectToFit(fault, copy);
        const path = join(copy, fault.file);
        writeFileSync(
          path,
          readFileSync(path, "utf8").replace(fault.original, () => fault.replacement),
        );
        const faulty = (await import(pathToFileURL(join(copy, "postgres-store.ts")).href)) as {
          readonly postgresStore: typeof postgresStore;
        };
        const pool = server().pool();
        const schema = `fault_${index}`;
        await createSimulatedSchema(pool, schema, faulty.postgresStore);
        expect(await findViolation(pool, schema, faulty.postgresStore, violation)).toMatch(violation);
      },
    );
  },
);

/** A fault that is found is enough: the history is not made shorter, and nothing waits for the end of the others. */
async function findViolation(
  pool: Parameters<typeof simulatedPostgresStore>[0],
  schema: string,
  createStore: typeof postgresStore,
  violation: RegExp,
): Promise<string | undefined> {
  const property = fc.asyncProperty(anyHistory, async (history: History) => {
    const store = await simulatedPostgresStore(pool, schema, createStore);
    const message = await run(core, history, store).then(
      () => "",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (violation.test(message)) throw new Error(message);
  });
  const result = await fc.check(property, { numRuns: 500, endOnFailure: true });
  return result.failed ? (result.errorInstance as Error).message : undefined;
}
