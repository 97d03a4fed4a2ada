import { configDefaults, type TestProjectInlineConfiguration } from "vitest/config";

// Packages meet each other as source, never as a build. Both lists are needed, or coverage reads 0 %.
const conditions = ["@holdfast/source"];

/** What takes longer than anyone wants to wait for: `pnpm deep`, and CI. */
const deep = {
  /** Faults that are planted in core, and must be found by the tests of histories. */
  core: ["**/mutants.test.ts"],
  /** Crowds, several processes that are killed, browsers, and bad adapters, which have their tests wait in vain. */
  http: [
    "**/*.chromium.test.ts",
    "test/endurance/**/*.test.ts",
    "test/machines/**/*.test.ts",
    "test/stories/08-*.test.ts",
    "test/adapter-suite/faults.test.ts",
  ],
  /** A cluster, and long random histories. */
  redis: ["test/{cluster,history}.test.ts"],
  /** Pages in a browser. */
  examples: ["*/test/page.test.ts", "redis-two-servers/**/*.test.ts"],
};
/** Every adapter on every runtime that it is for, and behind every proxy: `pnpm matrix:all`. */
const matrix = {
  node: [
    "packages/conformance/test/adapter-suite/!(faults).test.ts",
    "packages/fastify/test/adapter*.test.ts",
    "examples/custom-adapter-fastify/test/adapter.test.ts",
    "examples/frameworks/test/!(recipes).test.ts",
  ],
  runtimes: ["test/runtimes/**/*.test.ts"],
  proxies: ["test/proxies/**/*.test.ts"],
};
/** What of it is not there every time. */
const matrixOnly = {
  http: [
    "test/adapter-suite/{express-4,http2-without-tls,node-test,to-response}.test.ts",
    "test/runtimes/{bun-hono,client,deno,workerd}.test.ts",
    ...matrix.proxies,
  ],
  fastify: ["test/adapter{,-http2}.test.ts"],
  examples: ["custom-adapter-fastify/test/adapter.test.ts", "frameworks/test/!(recipes).test.ts"],
};
const butNot = (files: string[]): { exclude: string[] } => ({
  exclude: [...configDefaults.exclude, ...files],
});
const patient = { testTimeout: 60_000, hookTimeout: 60_000 };

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
  project("packages/core", "core", butNot(deep.core)),
  project("packages/node-http", "node-http"),
  project("packages/express", "express"),
  project("packages/fastify", "fastify", butNot(matrixOnly.fastify)),
  project("packages/hono", "hono"),
  // For `sse` of msw, which wants a global EventSource.
  project("packages/client", "client", { execArgv: ["--experimental-eventsource"] }),
  project("packages/redis", "redis", butNot(deep.redis)),
  project("packages/conformance", "http", butNot([...deep.http, ...matrixOnly.http])),
  project("examples", "examples", { ...patient, ...butNot([...deep.examples, ...matrixOnly.examples]) }),
  project(".", "matrix-node", { include: matrix.node }),
  project("packages/conformance", "matrix-runtimes", { include: matrix.runtimes }),
  project("packages/conformance", "matrix-proxies", { include: matrix.proxies }),
  project("packages/core", "deep-core", { include: deep.core }),
  project("packages/redis", "deep-redis", { include: deep.redis }),
  project("packages/conformance", "deep-http", { include: deep.http }),
  project("examples", "deep-examples", { ...patient, include: deep.examples }),
];

export default projects;
