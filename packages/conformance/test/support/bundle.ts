import { build } from "esbuild";

let bundle: Promise<string> | undefined;

/** The client as a page loads it: a script made of its source, that leaves what the package exports in `holdfast`. */
export function bundleClient(): Promise<string> {
  bundle ??= build({
    stdin: { contents: `export * from "@holdfast/client";`, resolveDir: import.meta.dirname },
    conditions: ["@holdfast/source"],
    bundle: true,
    format: "iife",
    globalName: "holdfast",
    write: false,
  }).then(({ outputFiles: [script] }) => script?.text ?? "");
  return bundle;
}
