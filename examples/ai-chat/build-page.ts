import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";

/** Builds the page into a temporary folder, and returns its path. */
export async function buildPage(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), "holdfast-ai-chat-"));
  await build({
    configFile: join(import.meta.dirname, "vite.config.ts"),
    logLevel: "error",
    build: { outDir },
  });
  return outDir;
}
