import { readdirSync } from "node:fs";
import { join } from "node:path";
import { configDefaults, type TestProjectInlineConfiguration } from "vitest/config";

// The suffix of a test file says where it runs:
//
//   *.test.ts         every day, in `pnpm unit`
//   *.deep.test.ts    what takes long or needs a browser or several processes: `pnpm deep`, and CI
//   *.matrix.test.ts  what each runtime and each proxy repeats: `pnpm matrix:all`, and CI
//
// The matrix also repeats the adapter suite that runs every day.

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
 * The tests of folders that run every day. Their files share the modules of a worker: loading them again for each file, or
 * for each package, would take as long as the tests do.
 */
const daily = (root: string, name: string, test: TestOptions = {}): TestProjectInlineConfiguration =>
  project(root, name, {
    include: ["**/*.test.ts"],
    ...except("**/*.{deep,matrix}.test.ts"),
    isolate: false,
    ...test,
  });

const deep = (root: string, name: string, test: TestOptions = {}): TestProjectInlineConfiguration =>
  project(root, `deep-${name}`, { ...test, include: ["**/*.deep.test.ts"] });

const projects = (root: string, name: string, test?: TestOptions): TestProjectInlineConfiguration[] => [
  daily(root, name, test),
  deep(root, name, test),
];

const PACKAGES = readdirSync(join(import.meta.dirname, "packages")).filter(
  (name) => !["client", "react"].includes(name),
);

const all: TestProjectInlineConfiguration[] = [
  daily("packages", "packages", { include: PACKAGES.map((name) => `${name}/**/*.test.ts`) }),
  ...PACKAGES.map((name) => deep(`packages/${name}`, name)),
  // A project of its own, because coverage looks for `src` in the root of a project.
  ...projects("packages/client", "client"),
  // Isolated, because these tests have a page, and replace React by another version.
  ...projects("packages/react", "react", { isolate: true }),
  // They pack, install and compile.
  ...projects("scripts", "scripts", { testTimeout: 900_000, hookTimeout: 900_000 }),
  // Each test is a short run against one target.
  ...projects("fuzz", "fuzz", { testTimeout: 600_000 }),
  // They start processes and browsers, which takes long on a busy machine.
  ...projects("examples", "examples", { testTimeout: 240_000, hookTimeout: 240_000 }),
  // A project of its own, because these tests replace globals such as `fetch`, and modules of platforms.
  ...projects("site/test", "site", {
    globalSetup: join(import.meta.dirname, "site/test/support/blocks.ts"),
  }),
  project(".", "matrix-node", {
    include: ["**/*.matrix.test.ts", "packages/conformance/test/adapter-suite/node-http.test.ts"],
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
