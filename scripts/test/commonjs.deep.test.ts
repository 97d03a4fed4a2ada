/* What docs/runtimes.md says of CommonJS, tried with the packages as they are published. Needs a build. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findRuntime } from "../../packages/conformance/test/runtimes/find-runtime.ts";
import { unpackAll } from "../pack.ts";
import { publicPackages, ROOT } from "../packages.ts";

const project = mkdtempSync(join(tmpdir(), "holdfast-commonjs-"));
const packages = publicPackages().filter(({ name }) => ["core", "client"].includes(name.split("/")[1] ?? ""));

beforeAll(() => {
  unpackAll(packages, project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "commonjs" }));
  const lib = ["es2023", "dom", "dom.asynciterable", "esnext.disposable"];
  const compilerOptions = { strict: true, target: "es2023", lib, types: [], skipLibCheck: true };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["server.ts"] }));
  writeFileSync(
    join(project, "server.ts"),
    `import { createRegistry, HoldfastError } from "@holdfast/core";
     import { connect } from "@holdfast/client";
     export const types = [typeof createRegistry().open, HoldfastError.is(1), typeof connect].join(" ");`,
  );
});
afterAll(() => rmSync(project, { recursive: true }));

const run = (
  command: string,
  ...args: string[]
): { readonly status: number | null; readonly output: string } => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: "utf8" });
  return { status, output: stdout + stderr };
};

/** The errors of a compiler for this project. */
const compile = (compiler: string, module: string): string =>
  run(join(ROOT, "node_modules/.bin", compiler), "-p", project, "--module", module).output;

const FAMILY = packages.map(({ name }) => name);

describe.each(["tsc", "tsc6"])("a TypeScript project in CommonJS, with %s", (compiler) => {
  test.each(["nodenext", "node20"])("compiles and runs with module %s", (module) => {
    expect(compile(compiler, module)).toBe("");
    const code = 'console.log(require("./server.js").types)';
    expect(run(process.execPath, "-e", code).output).toBe("function false function\n");
  });

  test.each(["node16", "node18"])(
    "gets TS1479 with module %s, which does not know that Node can do it",
    (module) => {
      expect(compile(compiler, module)).toContain("TS1479");
    },
  );
});

describe.each([
  ["the Node of the repository", process.execPath],
  ["Node 22", findRuntime("node22")],
])("on %s", (_name, node) => {
  test.skipIf(node === undefined).each(FAMILY)("require(%j) gives the exports of the package", (name) => {
    const code = `const holdfast = require(${JSON.stringify(name)}); console.log(Object.keys(holdfast).length > 3)`;
    const { status, output } = run(node as string, "--no-warnings", "-e", code);
    expect(output).toBe("true\n");
    expect(status).toBe(0);
  });
});
