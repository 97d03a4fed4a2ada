import { defineConfig } from "tsup";

/** As in the other packages. What it stands on are peer dependencies, of which an application has one copy. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  external: ["@holdfast/client", "@holdfast/core", "ai"],
});
