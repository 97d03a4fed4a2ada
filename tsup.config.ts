import { defineConfig } from "tsup";

/** How every package is built; each calls this file from its own folder. */
export default defineConfig({
  entry: ["src/index.ts", "src/*/index.ts"],
  format: "esm",
  target: "es2023",
  dts: true,
  sourcemap: true,
  clean: true,
});
