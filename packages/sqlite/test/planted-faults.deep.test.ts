import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as core from "@holdfast/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histories, type History } from "../../core/test/model/store/history.ts";
import { run } from "../../core/test/model/store/simulation.ts";
import { expectToFit, type Fault, findViolation } from "../../core/test/support/planted-faults.ts";
import type { sqliteStore } from "../src/index.ts";
import { simulatedSqliteStore } from "./support/simulated-store.ts";

const PACKAGE = join(import.meta.dirname, "..");

const faults: readonly (Fault & { readonly name: string; readonly violation: RegExp })[] = [
  {
    name: "a page leaves its first frame out",
    file: "tables.ts",
    original: "const next = start + frames.length;",
    replacement: "const next = start + 1 + frames.length;",
    violation: /^(Idle|token|Event|A client waits|Still held)/,
  },
  {
    name: "trimming removes one frame more",
    file: "tables.ts",
    original: "AND seq < min(?2,",
    replacement: "AND seq <= min(?2,",
    violation: /^(Idle|token|A client waits)|did not write/,
  },
  {
    name: "the number of a batch is not saved",
    file: "sqlite-store.ts",
    original: "if (isNewBatch && batch)",
    replacement: "if (false && batch)",
    violation: /^The store has an event twice|^The channel .* twice$/,
  },
  {
    name: "nobody is ever lost",
    file: "sqlite-store.ts",
    original: "const head = loseHead(found?.head, fence, end, now());",
    replacement: "const head = loseHead(undefined, fence, end, now());",
    violation: /^Idle without a producer/,
  },
];

const anyHistory = fc.oneof(...histories.map(([, arbitrary]) => arbitrary));

describe("the model of registries that share a file finds a planted fault", { timeout: 600_000 }, () => {
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
      const faulty = (await import(pathToFileURL(join(copy, "sqlite-store.ts")).href)) as {
        readonly sqliteStore: typeof sqliteStore;
      };
      const runOnFile = async (subject: Parameters<typeof run>[0], history: History): Promise<void> => {
        const store = simulatedSqliteStore(faulty.sqliteStore);
        try {
          await run(subject, history, store);
        } finally {
          store.close();
        }
      };
      expect(await findViolation(core, anyHistory, runOnFile, 1_000, violation)).toMatch(violation);
    },
  );
});
