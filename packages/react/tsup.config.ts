import { defineConfig } from "tsup";

/** As in the other packages. What it stands on are peer dependencies, of which an application has one copy. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
  external: ["@holdfast/client", "react"],
  // A hook cannot run in a server component: with this line its module need not say so itself.
  banner: { js: '"use client";' },
});
