import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../packages.ts";
import { stop } from "./registry.ts";

/**
 * The version that the tests run beside this one: as long as nothing is released, an earlier commit. When there is a
 * release, its tag.
 */
const EARLIER = "903f3786de24186354a279d14aec9d8878a22887";

/** Whether the clone has that version. If not, it prints a line; in CI it throws. */
export function hasEarlier(): boolean {
  if (spawnSync("git", ["cat-file", "-e", `${EARLIER}^{commit}`], { cwd: ROOT }).status === 0) return true;
  if (process.env.CI) throw new Error(`The clone has no commit ${EARLIER}: fetch its whole history.`);
  console.log(`The clone has no commit ${EARLIER}: the tests of mixed versions are skipped.`);
  return false;
}

/** Lays a version out in a folder of its own: the sources of its packages, and the programs of these tests. */
export function layOut(version: "current" | "earlier"): string {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${version}-`));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@holdfast"), { recursive: true });
  let packages = join(ROOT, "packages");
  if (version === "earlier") {
    packages = join(folder, "packages");
    const archive = spawnSync("git", ["archive", EARLIER, "packages"], { cwd: ROOT, maxBuffer: 2 ** 28 });
    const { status } = spawnSync("tar", ["-x", "-C", folder], { input: archive.stdout });
    if (archive.status !== 0 || status !== 0) throw new Error(`Could not unpack ${EARLIER}.`);
    link(join(ROOT, "packages/core/node_modules/eventsource-parser"), modules);
  }
  // Links, so that Node takes the packages for sources and strips their types.
  for (const name of ["core", "node-http", "client", "redis"]) {
    symlinkSync(join(packages, name), join(modules, "@holdfast", name), "junction");
  }
  link(join(ROOT, "packages/redis/node_modules/redis"), modules);
  for (const file of globSync(join(import.meta.dirname, "../mixed/*.mjs"))) {
    copyFileSync(file, join(folder, basename(file)));
  }
  return folder;
}

const link = (target: string, modules: string): void =>
  symlinkSync(target, join(modules, basename(target)), "junction");

/** A program of a version, and the lines that it has printed. */
export interface Program<Line> {
  readonly lines: readonly Line[];
  readonly stop: () => Promise<void>;
}

export function start<Line>(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program<Line> {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line));
  return { lines, stop: () => stop(child) };
}
