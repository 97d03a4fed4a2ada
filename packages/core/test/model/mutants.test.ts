import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histories, type History } from "./history.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type Core, live } from "./world.ts";

type Fault = Pick<Mutant, "file" | "sound" | "faulty">;

describe("the model finds planted faults", { timeout: 60_000 }, () => {
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-mutants-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function plant({ file, sound, faulty }: Fault, name: string): Promise<Core> {
    const copy = join(folder, name);
    cpSync(source, copy, { recursive: true });
    const text = readFileSync(join(copy, file), "utf8");
    expect(text.split(sound), `${file} has exactly one: ${sound}`).toHaveLength(2);
    writeFileSync(join(copy, file), text.replace(sound, faulty));
    return (await import(pathToFileURL(join(copy, "index.ts")).href)) as Core;
  }

  /** What the first history says that breaks a promise so; a history that hangs says nothing. */
  async function findIn(core: Core, numRuns: number, found: RegExp): Promise<string | undefined> {
    const property = fc.asyncProperty(histories, async (history) => {
      const message = await brokenBy(core, history);
      if (message !== undefined && found.test(message)) throw new Error(message);
    });
    const run = await fc.check(property, { numRuns, endOnFailure: true });
    return run.failed ? (run.errorInstance as Error).message : undefined;
  }

  test.each(mutants.map((mutant, index) => ({ ...mutant, index })))(
    "$fault",
    async ({ index, found, ...fault }) => {
      const core = await plant(fault, `mutant-${index}`);
      expect(await findIn(core, 4_000, found)).toMatch(found);
    },
  );

  test("and no fault where none was planted", async () => {
    const core = await plant({ file: "index.ts", sound: "// Streams", faulty: "" }, "sound");
    expect(await findIn(core, 200, /./)).toBeUndefined();
  });
});

const LATE = 1_000;

/** The promise that a history breaks, if it does and comes to its end. */
async function brokenBy(core: Core, history: History): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LATE);
  });
  const broken = live(core, history).then(
    () => undefined,
    (error: unknown) => String((error as Error).message),
  );
  try {
    return await Promise.race([broken, late]);
  } finally {
    clearTimeout(timer);
  }
}
