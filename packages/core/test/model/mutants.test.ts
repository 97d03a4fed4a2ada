import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histories } from "./history.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type Core, live } from "./world.ts";

describe("the model finds planted faults", { timeout: 60_000 }, () => {
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-mutants-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function plant({ file, sound, faulty }: Mutant, name: string): Promise<Core> {
    const copy = join(folder, name);
    cpSync(source, copy, { recursive: true });
    const text = readFileSync(join(copy, file), "utf8");
    expect(text.split(sound), `${file} has exactly one: ${sound}`).toHaveLength(2);
    writeFileSync(join(copy, file), text.replace(sound, faulty));
    return (await import(pathToFileURL(join(copy, "index.ts")).href)) as Core;
  }

  async function failsIn(core: Core, numRuns: number): Promise<boolean> {
    const property = fc.asyncProperty(histories, ({ steps, seed }) => live(core, steps, seed));
    const run = await fc.check(property, { numRuns, timeout: 1_000, endOnFailure: true });
    return run.failed;
  }

  test.each(mutants.map((mutant, index) => ({ ...mutant, index })))(
    "$fault",
    async ({ index, ...mutant }) => {
      const core = await plant(mutant, `mutant-${index}`);
      expect(await failsIn(core, 2_000)).toBe(true);
    },
  );

  test("and no fault where none was planted", async () => {
    const core = await plant({ fault: "", file: "index.ts", sound: "// Streams", faulty: "" }, "sound");
    expect(await failsIn(core, 200)).toBe(false);
  });
});
