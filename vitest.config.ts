import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import projects from "./vitest.workspace.ts";

export default defineConfig({
  test: {
    projects,
    // Most tests wait for sockets and pages most of the time: one core serves two of them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // It remembers where a module was when other versions were installed.
    fsModuleCache: false,
    coverage: { include: ["packages/*/src/**"], reporter: ["text", "html"], thresholds: { lines: 90 } },
  },
});
