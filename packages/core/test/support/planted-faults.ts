import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";

const SOURCE = fileURLToPath(new URL("../../src", import.meta.url));

/** The code under test: core, or a copy of it with a fault. */
export type Core = Pick<typeof import("../../src/index.ts"), "createRegistry" | "serve">;

/** A change of one place in one source file. */
export interface Fault {
  /** The path below `src`. */
  readonly file: string;
  /** The text that is replaced. The file must have it exactly once. */
  readonly original: string;
  readonly replacement: string;
}

/** A fault that the model must find. */
export interface PlantedFault extends Fault {
  readonly name: string;
  /** The violation that the fault causes. */
  readonly violation: RegExp;
}

/** Throws an error if the history violates a promise. */
type Run<History> = (core: Core, history: History) => Promise<void>;

/**
 * Returns a function that copies the source of a package, plants a fault if one is given, and imports the copy. The copies are
 * removed after the suite.
 */
export function sourceCopier<Module = Core>(
  source: string = SOURCE,
  entry = "index.ts",
): (name: string, fault?: Fault) => Promise<Module> {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-planted-faults-"));
    mkdirSync(join(folder, "node_modules/@holdfast"), { recursive: true });
    symlinkSync(join(SOURCE, ".."), join(folder, "node_modules/@holdfast/core"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  return async (name, fault) => {
    const copy = join(folder, name);
    cpSync(source, copy, { recursive: true });
    if (fault !== undefined) plant(fault, copy);
    return (await import(pathToFileURL(join(copy, entry)).href)) as Module;
  };
}

/** Checks that a fault can be planted: a change of the source may have to change the fault, too. */
export function expectToFit({ file, original }: Fault, folder: string = SOURCE): void {
  const text = readFileSync(join(folder, file), "utf8");
  expect(text.split(original), `${file} has exactly one: ${original}`).toHaveLength(2);
}

function plant(fault: Fault, folder: string): void {
  const { file, original, replacement } = fault;
  expectToFit(fault, folder);
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    text.replace(original, () => replacement),
  );
}

/**
 * Runs random histories until one violates a promise in the given way, and returns the violation.
 *
 * @param macrotasks how many a history may take before it counts as one that hangs; `Infinity` where it waits for a server
 */
export async function findViolation<History>(
  core: Core,
  histories: fc.Arbitrary<History>,
  run: Run<History>,
  numRuns: number,
  violation: RegExp,
  macrotasks = MACROTASK_LIMIT,
): Promise<string | undefined> {
  const property = fc.asyncProperty(histories, async (history) => {
    const message = await violationOf(run(core, history), macrotasks);
    if (message !== undefined && violation.test(message)) throw new Error(message);
  });
  const result = await fc.check(property, { numRuns, endOnFailure: true });
  return result.failed ? (result.errorInstance as Error).message : undefined;
}

/** Forty times the macrotasks that the longest history takes. */
const MACROTASK_LIMIT = 20_000;

/**
 * The violation of a history that runs. A fault may also make the history hang, which is no violation. A simulation
 * waits for macrotasks only, so counting them tells a history that hangs from one that is slow on a busy machine.
 */
async function violationOf(history: Promise<void>, macrotasks: number): Promise<string | undefined> {
  let isOver = false;
  let violation: string | undefined;
  const ended = history
    .catch((error: unknown) => void (violation = String((error as Error).message)))
    .finally(() => void (isOver = true));
  if (macrotasks === Infinity) await ended;
  for (let count = 0; count < macrotasks && !isOver; count++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return violation;
}
