import { defineConfig } from "tsup";

/** Like the others, but what is internal to core is built in: core itself stays the one that everybody has. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  external: ["@holdfast/core"],
  noExternal: ["@holdfast/core/internal"],
  esbuildOptions: (options) => {
    options.conditions = ["@holdfast/source"];
  },
});
