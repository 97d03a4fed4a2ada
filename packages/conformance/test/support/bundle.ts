import { build } from "esbuild";

const conditions = ["@holdfast/source"];

let bundle: Promise<string> | undefined;

/** The client as a script for a page; it defines a global `holdfast` with the exports of the package. */
export function bundleClient(): Promise<string> {
  bundle ??= build({
    stdin: { contents: `export * from "@holdfast/client";`, resolveDir: import.meta.dirname },
    conditions,
    bundle: true,
    format: "iife",
    globalName: "holdfast",
    write: false,
  }).then(({ outputFiles: [script] }) => script?.text ?? "");
  return bundle;
}

/** Bundles a module with everything that it imports, for runtimes that cannot resolve packages in this repository. */
export async function bundleModule(entry: string, outfile: string): Promise<void> {
  await build({ entryPoints: [entry], outfile, conditions, bundle: true, format: "esm" });
}
