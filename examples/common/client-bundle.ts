import * as esbuild from "esbuild";

const bundles = new Map<string, Promise<string>>();

/**
 * Bundles the client from its source as one module for browsers, once per process, so that the page needs no build.
 *
 * @param entry what is imported of it
 */
export function bundleClient(entry = "@holdfast/client"): Promise<string> {
  const bundle = bundles.get(entry) ?? build(entry);
  bundles.set(entry, bundle);
  return bundle;
}

async function build(entry: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [entry],
    conditions: ["@holdfast/source"],
    bundle: true,
    format: "esm",
    target: "es2022",
    sourcemap: "inline",
    write: false,
  });
  // Otherwise the process of the compiler would keep running beside the server.
  await esbuild.stop();
  return outputFiles.map(({ text }) => text).join("");
}
