/**
 * Checks the packages as they are published: packs every public package, lints the tarball, unpacks it beside the
 * others, imports it and compares its exports with those of the source, and runs its programs. Needs a build.
 */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports?: object;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const exportNames = async (file: string): Promise<string[]> => Object.keys(await import(file)).sort();

const scratch = mkdtempSync(join(tmpdir(), "holdfast-tarballs-"));
process.on("exit", () => rmSync(scratch, { recursive: true }));

const unpackedFolder = (name: string): string => join(scratch, "node_modules", name);
const silent: SpawnSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
const printing: SpawnSyncOptions = { stdio: ["ignore", "inherit", "inherit"] };

const packages = globSync("packages/*/package.json")
  .map((file) => ({ folder: resolve(dirname(file)), ...readManifest(dirname(file)) }))
  .filter((manifest) => !manifest.private);
const problems: string[] = [];

for (const { name, folder, exports, dependencies, peerDependencies } of packages) {
  const tarball = join(scratch, `${name.replace("/", "-")}.tgz`);
  const commands = [
    spawnSync("pnpm", ["pack", "--out", tarball], { ...silent, cwd: folder }),
    spawnSync("publint", [tarball, "--strict"], printing),
    // A package that has only programs has no types.
    ...(exports ? [spawnSync("attw", [tarball, "--profile", "esm-only", "--quiet"], printing)] : []),
  ];
  if (commands.some((result) => result.status !== 0)) problems.push(`${name}: see the output above`);

  mkdirSync(unpackedFolder(name), { recursive: true });
  spawnSync("tar", ["-xzf", tarball, "-C", unpackedFolder(name), "--strip-components=1"], printing);
  for (const needed of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (packages.some((other) => other.name === needed)) continue;
    const link = join(unpackedFolder(name), "node_modules", needed);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(folder, "node_modules", needed), link);
  }
}

for (const { name, folder, version, exports, bin = {} } of packages) {
  if (exports) {
    const packedExports = await exportNames(join(unpackedFolder(name), "dist/index.js"));
    const sourceExports = await exportNames(join(folder, "src/index.ts"));
    if (!isDeepStrictEqual(packedExports, sourceExports)) {
      problems.push(
        `${name}: the package exports [${packedExports.join()}], its source [${sourceExports.join()}]`,
      );
    }
  }
  for (const [command, file] of Object.entries(bin)) {
    // As a shell runs it: it needs its mode and its first line.
    const { stdout, error } = spawnSync(join(unpackedFolder(name), file), ["--version"], {
      encoding: "utf8",
    });
    if (stdout !== `${version}\n`) problems.push(`${name}: ${command} --version prints ${stdout ?? error}`);
  }
  const manifest = readFileSync(join(unpackedFolder(name), "package.json"), "utf8");
  if (/workspace:|catalog:|@holdfast\/source/.test(manifest)) {
    problems.push(`${name}: package.json still contains workspace settings`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
