import { configDefaults, type TestProjectInlineConfiguration } from "vitest/config";

// Packages meet each other as source, never as a build. Both lists are needed, or coverage reads 0 %.
const conditions = ["@holdfast/source"];

const MUTANTS = "**/mutants.test.ts";
const ENDURANCE = "test/endurance/**/*.test.ts";

const project = (
  root: string,
  name: string,
  test: TestProjectInlineConfiguration["test"] = {},
): TestProjectInlineConfiguration => ({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  // A machine may be busy: a test is late only when it hangs.
  test: { name, include: ["**/*.test.ts"], testTimeout: 20_000, ...test },
});

const projects: TestProjectInlineConfiguration[] = [
  project("packages/core", "core", { exclude: [...configDefaults.exclude, MUTANTS] }),
  project("packages/node-http", "node-http"),
  project("packages/express", "express"),
  project("packages/hono", "hono"),
  // For `sse` of msw, which wants a global EventSource.
  project("packages/client", "client", { execArgv: ["--experimental-eventsource"] }),
  project("packages/redis", "redis"),
  project("packages/conformance", "http", { exclude: [...configDefaults.exclude, ENDURANCE] }),
  project("examples", "examples", { testTimeout: 60_000, hookTimeout: 60_000 }),
  // Not among the tests of every day (`pnpm deep`): planted faults that must be found, and crowds that come and go.
  project("packages/core", "mutants", { include: [MUTANTS] }),
  project("packages/conformance", "endurance", { include: [ENDURANCE] }),
];

export default projects;
