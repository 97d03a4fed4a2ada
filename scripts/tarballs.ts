/**
 * Checks the packages as they are published: packs every public package, lints the tarball, unpacks it beside the
 * others, imports it and compares its exports with those of the source, and runs its programs. Needs a build.
 */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { relativeLinks } from "./absolute-links.ts";
import { unpackAll } from "./pack.ts";
import { type Manifest, publicPackages, readJson } from "./packages.ts";

const exportNames = async (file: string): Promise<string[]> => Object.keys(await import(file)).sort();

const scratch = mkdtempSync(join(tmpdir(), "holdfast-tarballs-"));
process.on("exit", () => rmSync(scratch, { recursive: true }));

const unpackedFolder = (name: string): string => join(scratch, "node_modules", name);
const printing: SpawnSyncOptions = { stdio: ["ignore", "inherit", "inherit"] };

const packages = publicPackages();
const problems: string[] = [];

for (const { name, tarball } of unpackAll(packages, scratch)) {
  const lints = [spawnSync("publint", [tarball, "--strict"], printing)];
  // A package that has only programs has no types. ESM only: `commonjs.deep.test.ts` tests what docs/runtimes.md says.
  if (packages.find((item) => item.name === name)?.manifest.exports !== undefined) {
    lints.push(spawnSync("attw", [tarball, "--profile", "esm-only", "--quiet"], printing));
  }
  if (lints.some(({ status }) => status !== 0)) problems.push(`${name}: see the output above`);
}

/** What is wrong with the package.json of a tarball. */
function problemsOf(manifest: Manifest): string[] {
  const found: string[] = [];
  if (/workspace:|catalog:|@holdfast\/source/.test(JSON.stringify(manifest))) {
    found.push("package.json still contains workspace settings");
  }
  const { dependencies, peerDependencies, optionalDependencies } = manifest;
  for (const [needed, range] of Object.entries({
    ...dependencies,
    ...peerDependencies,
    ...optionalDependencies,
  })) {
    // A pin makes an application install a second copy beside the one that it has.
    if (/^\d/.test(range)) found.push(`the dependency ${needed} is pinned to ${range}, instead of a range`);
  }
  return found;
}

for (const { name, folder, manifest } of packages) {
  const unpacked = unpackedFolder(name);
  const report = (problem: string): void => void problems.push(`${name}: ${problem}`);
  if (manifest.exports !== undefined) {
    const packedExports = await exportNames(join(unpacked, "dist/index.js"));
    const sourceExports = await exportNames(join(folder, "src/index.ts"));
    if (!isDeepStrictEqual(packedExports, sourceExports)) {
      report(`the package exports [${packedExports.join()}], its source [${sourceExports.join()}]`);
    }
  }
  for (const [command, file] of Object.entries(manifest.bin ?? {})) {
    // As a shell runs it: it needs its mode and its first line.
    const { stdout, error } = spawnSync(join(unpacked, file), ["--version"], { encoding: "utf8" });
    if (stdout !== `${manifest.version}\n`) report(`${command} --version prints ${stdout ?? error}`);
  }
  problemsOf(readJson<Manifest>(unpacked, "package.json")).forEach(report);
  if (!existsSync(join(unpacked, "LICENSE"))) report("the tarball has no licence");
  const links = relativeLinks(readFileSync(join(unpacked, "README.md"), "utf8"));
  if (links.length > 0) report(`README.md has links that leave the package: ${links.join()}`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
