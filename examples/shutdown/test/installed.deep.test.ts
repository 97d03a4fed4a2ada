import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { expectCleanShutdown } from "./expect-clean-shutdown.ts";
import { buildApp, createTemporaryFolder, installApp, packPackages } from "./install-app.ts";
import type { Command } from "./run-server.ts";

// These frameworks are not dependencies of the workspace: each app is installed from npm, built, and run as in production.

const MINUTES = 60_000;

const folder = createTemporaryFolder();
let tarballs: Record<string, string> = {};

beforeAll(async () => {
  tarballs = await packPackages(folder.path);
}, 10 * MINUTES);

afterAll(() => folder.remove());

test.for(["next", "nuxt", "sveltekit"])(
  "with %s, the client is asked to reconnect, and the process exits with 0 within 3 s",
  { timeout: 10 * MINUTES },
  async (name, { skip }) => {
    const cwd = join(folder.path, name);
    try {
      await installApp(join(import.meta.dirname, "..", name), cwd, tarballs);
    } catch (error) {
      if (process.env["CI"]) throw error;
      console.log(`${name} could not be installed from npm: its test is skipped.`);
      skip();
    }
    await buildApp(cwd);
    await expectCleanShutdown({ ...startCommandOf(cwd), cwd });
  },
);

/** The command of the script `start`, to be run without npm, which does not pass signals on. */
function startCommandOf(cwd: string): Command {
  const { scripts } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
  const words: string[] = scripts.start.split(" ");
  const node = words.indexOf("node");
  return {
    env: Object.fromEntries(words.slice(0, node).map((word) => word.split("="))),
    args: words.slice(node + 1),
  };
}
