import { defineConfig } from "tsup";

/** As in the other packages, but with the internal helpers of core built in. Core itself stays a peer dependency. */
export default defineConfig({
  entry: ["src/index.ts", "src/bin.ts"],
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
