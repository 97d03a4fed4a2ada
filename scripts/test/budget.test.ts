/*
 * What each package may cost whoever installs it: the size of each entry with all that it imports, except peer
 * dependencies, minified and gzipped; and the number of dependencies that come with the package. budget.json has the limits.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { publicPackages, readJson, ROOT } from "../packages.ts";

interface Budget {
  readonly dependencies: number;
  /** By entry of `exports`, in bytes. */
  readonly entries: Readonly<Record<string, number>>;
}

const budgets = readJson<Record<string, Budget>>(ROOT, "budget.json");

async function sizeOf(entry: string, external: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "es2023",
    conditions: ["@holdfast/source"],
    external: [...external],
  });
  return gzipSync(outputFiles[0]?.contents ?? "").byteLength;
}

test("every package has a budget", () => {
  expect(Object.keys(budgets).toSorted()).toEqual(
    publicPackages()
      .map(({ name }) => name)
      .toSorted(),
  );
});

describe.each(publicPackages())("$name", ({ name, folder, manifest }) => {
  const budget = budgets[name];
  const { dependencies = {}, peerDependencies = {} } = manifest;
  // Entries that are published; the others are built into other packages.
  const entries = Object.keys(manifest.publishConfig?.exports ?? {});

  test("has not more dependencies than its budget allows", () => {
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(budget?.dependencies ?? 0);
  });

  test("has a limit for each entry", () => {
    expect(Object.keys(budget?.entries ?? {}).toSorted()).toEqual(entries.toSorted());
  });

  test.each(entries)("%s is within its limit", async (entry) => {
    const source = manifest.exports?.[entry]?.["@holdfast/source"] ?? "";
    const size = await sizeOf(join(folder, source), Object.keys(peerDependencies));
    expect(size).toBeLessThanOrEqual(budget?.entries[entry] ?? 0);
  });
});
