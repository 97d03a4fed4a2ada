import { join } from "node:path";
import { configDefaults, type TestProjectInlineConfiguration } from "vitest/config";

// The suffix of a test file says where it runs:
//
//   *.test.ts         every day, in `pnpm unit`
//   *.deep.test.ts    what takes long or needs a browser or several processes: `pnpm deep`, and CI
//   *.matrix.test.ts  what each runtime and each proxy repeats: `pnpm matrix:all`, and CI
//
// The matrix also repeats the adapter suites that run every day.

type TestOptions = TestProjectInlineConfiguration["test"];

// The packages import each other as source, never as a build. Both lists are needed, or coverage reads 0 %.
const conditions = ["@holdfast/source"];

/** A test fails when it hangs, not when the machine is busy. */
const generous = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  setupFiles: join(import.meta.dirname, "packages/conformance/test/support/long-deadline.ts"),
};

const project = (root: string, name: string, test: TestOptions): TestProjectInlineConfiguration => ({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name, ...generous, unstubGlobals: true, unstubEnvs: true, ...test },
});

const except = (...files: string[]): { exclude: string[] } => ({
  exclude: [...configDefaults.exclude, ...files],
});

/**
 * The tests of a folder that run every day, and its deep ones. The test files of every day share the modules of a worker:
 * loading them again for each file would take as long as the tests do.
 */
const projects = (root: string, name: string, test: TestOptions = {}): TestProjectInlineConfiguration[] => [
  project(root, name, {
    include: ["**/*.test.ts"],
    ...except("**/*.{deep,matrix}.test.ts"),
    isolate: false,
    ...test,
  }),
  project(root, `deep-${name}`, { ...test, include: ["**/*.deep.test.ts"] }),
];

const all: TestProjectInlineConfiguration[] = [
  ...projects("packages/core", "core"),
  ...projects("packages/node-http", "node-http"),
  ...projects("packages/express", "express"),
  ...projects("packages/fastify", "fastify"),
  ...projects("packages/hono", "hono"),
  // `sse` of msw needs a global EventSource. Isolated, because some of these tests replace globals such as `fetch`.
  ...projects("packages/client", "client", { execArgv: ["--experimental-eventsource"], isolate: true }),
  ...projects("packages/redis", "redis"),
  ...projects("packages/postgres", "postgres"),
  ...projects("packages/sqlite", "sqlite"),
  ...projects("packages/otel", "otel"),
  ...projects("packages/ai-sdk", "ai-sdk"),
  ...projects("packages/cli", "cli"),
  ...projects("packages/conformance", "http"),
  // They pack, install and compile.
  ...projects("scripts", "scripts", { testTimeout: 900_000, hookTimeout: 900_000 }),
  // Each test is a short run against one target.
  ...projects("fuzz", "fuzz", { testTimeout: 600_000 }),
  // They start processes and browsers, which takes long on a busy machine.
  ...projects("examples", "examples", { testTimeout: 240_000, hookTimeout: 240_000 }),
  // Isolated, because these tests replace globals such as `fetch`, and modules of platforms.
  ...projects("site/test", "site", {
    globalSetup: join(import.meta.dirname, "site/test/support/blocks.ts"),
    isolate: true,
  }),
  project(".", "matrix-node", {
    include: ["**/*.matrix.test.ts", "packages/conformance/test/adapter-suite/*.test.ts"],
    ...except(
      "**/*.deep.test.ts",
      "packages/conformance/test/{runtimes,proxies}/**",
      "examples/frameworks/test/apps/**",
    ),
  }),
  project("packages/conformance", "matrix-runtimes", { include: ["test/runtimes/*.matrix.test.ts"] }),
  project("packages/conformance", "matrix-proxies", { include: ["test/proxies/*.matrix.test.ts"] }),
  // One after the other: each installs and builds an application.
  project("examples/frameworks", "matrix-frameworks", {
    include: ["test/apps/*.matrix.test.ts"],
    globalSetup: join(import.meta.dirname, "examples/frameworks/test/apps/pack-packages.ts"),
    fileParallelism: false,
  }),
];

export default all;
