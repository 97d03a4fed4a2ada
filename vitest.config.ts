import { defineConfig } from "vitest/config";
import projects from "./vitest.workspace.ts";

export default defineConfig({
  test: {
    projects,
    // It remembers where a module was when other versions were installed.
    fsModuleCache: false,
    coverage: { include: ["packages/*/src/**"], reporter: ["text", "html"], thresholds: { lines: 90 } },
  },
});
