import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";

/** The code under test: core, or a copy of it with a fault. */
export type Core = Pick<typeof import("../../src/index.ts"), "createRegistry" | "serve">;

/** A fault in one place of one file. */
export interface Fault {
  readonly file: string;
  readonly sound: string;
  readonly faulty: string;
}

/** A fault, and what a history says that meets it. */
export interface Mutant extends Fault {
  readonly fault: string;
  readonly found: RegExp;
}

type Live<History> = (core: Core, history: History) => Promise<void>;

/** Makes copies of core with a fault in each, for the tests of the present suite. */
export function nursery(): (fault: Fault, name: string) => Promise<Core> {
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-mutants-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  return async ({ file, sound, faulty }, name) => {
    const copy = join(folder, name);
    cpSync(source, copy, { recursive: true });
    const text = readFileSync(join(copy, file), "utf8");
    expect(text.split(sound), `${file} has exactly one: ${sound}`).toHaveLength(2);
    writeFileSync(join(copy, file), text.replace(sound, faulty));
    return (await import(pathToFileURL(join(copy, "index.ts")).href)) as Core;
  };
}

/** What the first history says that breaks a promise so; a history that hangs says nothing. */
export async function findIn<History>(
  core: Core,
  histories: fc.Arbitrary<History>,
  live: Live<History>,
  numRuns: number,
  found: RegExp,
): Promise<string | undefined> {
  const property = fc.asyncProperty(histories, async (history) => {
    const message = await brokenBy(live(core, history));
    if (message !== undefined && found.test(message)) throw new Error(message);
  });
  const run = await fc.check(property, { numRuns, endOnFailure: true });
  return run.failed ? (run.errorInstance as Error).message : undefined;
}

const LATE = 1_000;

/** The promise that a history breaks, if it does and comes to its end. */
async function brokenBy(living: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LATE);
  });
  const broken = living.then(
    () => undefined,
    (error: unknown) => String((error as Error).message),
  );
  try {
    return await Promise.race([broken, late]);
  } finally {
    clearTimeout(timer);
  }
}
