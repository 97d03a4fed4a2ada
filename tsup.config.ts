import { defineConfig } from "tsup";

/** How every package is built; each calls this file from its own folder. */
export default defineConfig({
  // What the packages of the family share is built into those that take it.
  entry: ["src/index.ts", "src/*/index.ts", "!src/internal/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  noExternal: ["@holdfast/core/internal"],
  esbuildOptions: (options) => {
    options.conditions = ["@holdfast/source"];
  },
});
