import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import projects from "./vitest.workspace.ts";

export default defineConfig({
  test: {
    projects,
    // More workers than cores, because many tests wait for sockets and processes.
    maxWorkers: availableParallelism() + 1,
    // The cache would use the old path of a module after another version was installed.
    fsModuleCache: false,
    // `include` is relative to the root of each project that runs.
    coverage: { include: ["src/**", "*/src/**"], reporter: ["text", "html"], thresholds: { lines: 90 } },
  },
});
