import { build } from "esbuild";

const conditions = ["@holdfast/source"];

let bundle: Promise<string> | undefined;

/** The client as a page loads it: a script made of its source, that leaves what the package exports in `holdfast`. */
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

/** A module with all that it imports, for runtimes that find nothing in this repository. */
export async function bundleModule(entry: string, outfile: string): Promise<void> {
  await build({ entryPoints: [entry], outfile, conditions, bundle: true, format: "esm" });
}
