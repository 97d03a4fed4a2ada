import { defineConfig } from "tsup";

/** Like the others, but what the client takes from core is built in: it has one dependency. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "es2023",
  dts: {
    compilerOptions: {
      composite: false,
      paths: {
        "@holdfast/core": ["../core/src/index.ts"],
        "@holdfast/core/internal": ["../core/src/internal/index.ts"],
      },
    },
  },
  sourcemap: true,
  clean: true,
  esbuildOptions: (options) => {
    options.conditions = ["@holdfast/source"];
  },
});
