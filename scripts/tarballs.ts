/**
 * What ships, checked as it ships: every public package is packed, its tarball linted, unpacked beside the
 * others and imported. Needs a build.
 */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";

interface Manifest {
  name: string;
  private?: boolean;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const exportNames = async (file: string): Promise<string[]> => Object.keys(await import(file)).sort();

const scratch = mkdtempSync(join(tmpdir(), "holdfast-tarballs-"));
process.on("exit", () => rmSync(scratch, { recursive: true }));

const unpacked = (name: string): string => join(scratch, "node_modules", name);
const quiet: SpawnSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
const loud: SpawnSyncOptions = { stdio: ["ignore", "inherit", "inherit"] };

const packages = globSync("packages/*/package.json")
  .map((file) => ({ folder: resolve(dirname(file)), ...readManifest(dirname(file)) }))
  .filter((manifest) => !manifest.private);
const problems: string[] = [];

for (const { name, folder, dependencies, peerDependencies } of packages) {
  const tarball = join(scratch, `${name.replace("/", "-")}.tgz`);
  const ran = [
    spawnSync("pnpm", ["pack", "--out", tarball], { ...quiet, cwd: folder }),
    spawnSync("publint", [tarball, "--strict"], loud),
    spawnSync("attw", [tarball, "--profile", "esm-only", "--quiet"], loud),
  ];
  if (ran.some((result) => result.status !== 0)) problems.push(`${name}: see above`);

  mkdirSync(unpacked(name), { recursive: true });
  spawnSync("tar", ["-xzf", tarball, "-C", unpacked(name), "--strip-components=1"], loud);
  for (const needed of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (packages.some((other) => other.name === needed)) continue;
    const link = join(unpacked(name), "node_modules", needed);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(folder, "node_modules", needed), link);
  }
}

for (const { name, folder } of packages) {
  const shipped = await exportNames(join(unpacked(name), "dist/index.js"));
  const written = await exportNames(join(folder, "src/index.ts"));
  if (!isDeepStrictEqual(shipped, written)) {
    problems.push(`${name}: exports [${shipped.join()}], its source [${written.join()}]`);
  }
  const manifest = readFileSync(join(unpacked(name), "package.json"), "utf8");
  if (/workspace:|catalog:|@holdfast\/source/.test(manifest)) {
    problems.push(`${name}: package.json still speaks of the workspace`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
