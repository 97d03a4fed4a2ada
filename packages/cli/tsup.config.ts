import { defineConfig } from "tsup";

/** A program, not a library: one file without types. */
export default defineConfig({
  entry: ["src/bin.ts"],
  format: "esm",
  target: "es2023",
  sourcemap: true,
  clean: true,
});
