import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

// Servers are in /usr/sbin, which is not on everybody's path.
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin"];

/**
 * The path of one of these programs, which is installed where that is possible. Without any there is `undefined`, and a
 * line that says so; under CI that is an error.
 *
 * @param programs names for the same thing; the first is that of the package as well
 */
export function installed(...programs: [string, ...string[]]): string | undefined {
  const path = find(programs) ?? install(programs);
  if (path !== undefined) return path;
  if (process.env["CI"]) throw new Error(`${programs[0]} is missing.`);
  console.log(`${programs[0]} is missing: what needs it is skipped.`);
  return undefined;
}

function find(programs: readonly string[]): string | undefined {
  return programs
    .flatMap((program) => FOLDERS.map((folder) => join(folder, program)))
    .find((path) => existsSync(path));
}

function install(programs: readonly [string, ...string[]]): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return undefined;
  // Test files run beside each other: one installs, the others wait for it.
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
