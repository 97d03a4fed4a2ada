import { defineConfig } from "tsup";

/** As in the other packages, but with the internal helpers of the client built in. What it stands on are peer dependencies. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  external: ["@holdfast/client", "@holdfast/core", "ai"],
  noExternal: ["@holdfast/client/internal", "@holdfast/core/internal"],
  esbuildOptions: (options) => {
    options.conditions = ["@holdfast/source"];
  },
});
