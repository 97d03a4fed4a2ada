import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/** Not dependencies, because each has 100 MB: they are installed from npm, in these versions, when needed. */
const VERSIONS = {
  bun: "bun@1.4.5",
  deno: "deno@2.9.6",
  workerd: "workerd@1.20261117.1",
  node22: "node@22.23.3",
  node26: "node@26.10.0",
} as const;

export type Runtime = keyof typeof VERSIONS;

const CACHE = join(import.meta.dirname, "../../../../node_modules/.cache/runtimes");

/** Installs into a temporary folder and renames it. A second process waits for the lock, and finds it installed. */
const INSTALL = `[ -d "$2" ] || {
  rm -rf "$2.new" && npm install --prefix "$2.new" --no-audit --no-fund --no-save --loglevel=error "$1" && mv "$2.new" "$2"
}`;

/**
 * The path of a runtime's binary, which is installed if necessary. If that fails it prints a line and returns `undefined`;
 * in CI it throws.
 */
export function findRuntime(name: Runtime): string | undefined {
  const version = VERSIONS[name];
  const folder = join(CACHE, version);
  const binary = join(folder, "node_modules/.bin", version.slice(0, version.indexOf("@")));
  if (existsSync(binary)) return binary;
  try {
    mkdirSync(CACHE, { recursive: true });
    execFileSync("flock", [`${folder}.lock`, "sh", "-c", INSTALL, "install", version, folder], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  } catch (error) {
    if (process.env.CI) throw new Error(`${version} is missing.`, { cause: error });
    console.log(`${version} could not be installed; its tests are skipped.`);
    return undefined;
  }
  return binary;
}
