import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../../../..");

/** Our packages that the apps use. */
const PACKAGES = ["core", "node-http", "express"];

interface Manifest {
  dependencies: Record<string, string>;
  overrides?: Record<string, string>;
}

/** Builds and packs our packages, as they are published. Returns the tarballs by the names of their packages. */
export async function packPackages(folder: string): Promise<Record<string, string>> {
  const pnpm = (cwd: string, ...args: string[]): Promise<void> =>
    run(cwd, "npx", "--yes", "pnpm@12.21.0", ...args);
  await pnpm(ROOT, ...PACKAGES.map((name) => `--filter=@holdfast/${name}`), "build");
  const tarballs: Record<string, string> = {};
  for (const name of PACKAGES) {
    const tarball = join(folder, `${name}.tgz`);
    await pnpm(join(ROOT, "packages", name), "pack", "--out", tarball);
    tarballs[`@holdfast/${name}`] = `file:${tarball}`;
  }
  return tarballs;
}

/** Copies an app to a folder and installs what it depends on: our packages from tarballs, all others from npm. */
export async function installApp(
  app: string,
  folder: string,
  tarballs: Record<string, string>,
): Promise<void> {
  cpSync(app, folder, { recursive: true });
  const file = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  for (const name of Object.keys(manifest.dependencies)) {
    manifest.dependencies[name] = tarballs[name] ?? (manifest.dependencies[name] as string);
  }
  // Our packages depend on each other, too.
  manifest.overrides = tarballs;
  writeFileSync(file, JSON.stringify(manifest, null, 2));
  await run(folder, "npm", "install", "--include=dev", "--no-audit", "--no-fund", "--prefer-offline");
}

export async function buildApp(folder: string): Promise<void> {
  await run(folder, "npm", "run", "build", "--if-present");
}

export function createTemporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "holdfast-apps-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs a program with this version of Node. Rejects with its output when it fails. */
async function run(cwd: string, program: string, ...args: string[]): Promise<void> {
  const env = {
    ...process.env,
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    NODE_ENV: "production",
    VITEST: "", // Vite's plugins behave differently under Vitest
    NEXT_TELEMETRY_DISABLED: "1",
    NUXT_TELEMETRY_DISABLED: "1",
  };
  await promisify(execFile)(program, args, { cwd, env, maxBuffer: 64 * 2 ** 20 }).catch((error: unknown) => {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  });
}
