import { build, stop } from "esbuild";

let bundle: Promise<string> | undefined;

/** The client as one module for browsers, made once from its source: the page needs no build of its own. */
export function bundleClient(): Promise<string> {
  bundle ??= make();
  return bundle;
}

async function make(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: ["@holdfast/client"],
    conditions: ["@holdfast/source"],
    bundle: true,
    format: "esm",
    target: "es2022",
    sourcemap: "inline",
    write: false,
  });
  // Else its compiler would wait beside the server for more to do.
  await stop();
  return outputFiles.map(({ text }) => text).join("");
}
