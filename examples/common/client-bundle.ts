import * as esbuild from "esbuild";

let bundle: Promise<string> | undefined;

/** Bundles the client from its source as one module for browsers, once per process, so that the page needs no build. */
export function bundleClient(): Promise<string> {
  bundle ??= build();
  return bundle;
}

async function build(): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: import.meta.dirname,
    entryPoints: ["@holdfast/client"],
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
