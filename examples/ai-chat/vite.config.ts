import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig, type UserConfig } from "vite";

const config: UserConfig = defineConfig({
  root: join(import.meta.dirname, "page"),
  plugins: [react()],
  // The packages of holdfast as source, without a build of their own.
  resolve: { conditions: ["@holdfast/source", ...defaultClientConditions] },
  // The AI SDK is large.
  build: { emptyOutDir: true, chunkSizeWarningLimit: 1_000 },
});

export default config;
