import { defineConfig } from "tsup";

/** Like the other packages, but with the parts of core that the client uses bundled in: so it has one dependency. */
export default defineConfig({
  entry: ["src/index.ts", "src/tabs/index.ts"],
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
    // The bundler of an application does not fold every constant.
    options.minifySyntax = true;
  },
});
