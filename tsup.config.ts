import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly publishConfig: { readonly exports: Readonly<Record<string, { readonly default: string }>> };
}

const { bin = {}, publishConfig } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const published = [
  ...Object.values(publishConfig.exports).map((entry) => entry.default),
  ...Object.values(bin),
];

/** How every package is built; each calls this file from its own folder. What it needs of others stays outside. */
export default defineConfig({
  entry: published.map((file) => file.replace(/^(\.\/)?dist/, "src").replace(/js$/, "ts")),
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  // What the packages of the family share is built into those that take it.
  noExternal: ["@holdfast/client/internal", "@holdfast/core/internal"],
  esbuildOptions: (options) => {
    options.conditions = ["@holdfast/source"];
  },
});
