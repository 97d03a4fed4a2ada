import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * How to start this machine's Chromium, which is installed where that is possible. Without one there is nothing to
 * start, and a line that says so; under CI that is an error.
 */
export function findChromium(): (() => Promise<Browser>) | undefined {
  const executablePath = installed() ?? install();
  if (executablePath !== undefined) return () => chromium.launch({ executablePath, args: FLAGS });
  if (process.env.CI) throw new Error(`Chromium is missing: ${PATHS.join(", ")}`);
  console.log("Chromium is missing: what needs a browser is skipped.");
  return undefined;
}

function installed(): string | undefined {
  return PATHS.find((path) => existsSync(path));
}

function install(): string | undefined {
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
    apt("install", "-y", "--no-install-recommends", "chromium");
  } catch (error) {
    console.log("Chromium could not be installed.", error);
  }
  return installed();
}
