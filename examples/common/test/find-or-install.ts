import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

// Debian installs servers in /usr/sbin, which is not on the PATH of every user.
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin"];

/**
 * Returns the path of a program, which is installed first where possible (root on Debian). Without the program it
 * logs a line and returns `undefined`; under CI it throws.
 *
 * @param programs alternative names of the program; the first is also the name of the Debian package
 */
export function findOrInstall(...programs: [string, ...string[]]): string | undefined {
  const path = find(programs) ?? install(programs);
  if (path !== undefined) return path;
  if (process.env["CI"]) throw new Error(`${programs[0]} is missing.`);
  console.log(`${programs[0]} is missing: tests that need it are skipped.`);
  return undefined;
}

function find(programs: readonly string[]): string | undefined {
  return programs
    .flatMap((program) => FOLDERS.map((folder) => join(folder, program)))
    .find((path) => existsSync(path));
}

function install(programs: readonly [string, ...string[]]): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return undefined;
  // Test files run in parallel: one installs, the others wait for the lock.
  const apt = (...args: string[]): void => {
    execFileSync("flock", [join(tmpdir(), "holdfast-apt.lock"), "apt-get", "-qq", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"],
    });
  };
  try {
    apt("update");
    apt("install", "-y", "--no-install-recommends", programs[0]);
  } catch (error) {
    console.log(`${programs[0]} could not be installed.`, error);
  }
  return find(programs);
}
