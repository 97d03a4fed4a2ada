/**
 * The applications of `examples/frameworks/apps`: their tests, and the rows of the table in docs/frameworks.md.
 */
import { join } from "node:path";
import { readJson, ROOT } from "../packages.ts";
import type { Result, Run } from "./run.ts";

/** By the name of the application: the name of the framework, and the package that has its version. */
const FRAMEWORKS = {
  nest: ["NestJS", "@nestjs/core"],
  next: ["Next.js, app router", "next"],
  sveltekit: ["SvelteKit", "@sveltejs/kit"],
  nuxt: ["Nuxt, on h3 1", "nuxt"],
  nitro: ["Nitro, on h3 2", "nitro"],
  astro: ["Astro", "astro"],
  "react-router": ["React Router", "react-router"],
  elysia: ["Elysia on Bun", "elysia"],
  workers: ["Workers, with wrangler", "wrangler"],
} as const;

type Framework = keyof typeof FRAMEWORKS;

export const ALL: readonly Framework[] = Object.keys(FRAMEWORKS) as Framework[];

/** Those that the whole matrix includes: the others are built and started in the same way, and would take two minutes more. */
export const IN_MATRIX: readonly Framework[] = ALL.filter(
  (name) => name !== "astro" && name !== "react-router",
);

/** The names of the tests. */
const COLUMNS = ["stream", "resume", "disconnect", "SIGTERM", "dev reload"];

export const FRAMEWORKS_PAGE = "docs/frameworks.md";
const MARKED =
  /(?<=<!-- `npm run matrix -- frameworks` writes the table from here -->\n)[^]*(?=<!-- to here. -->)/;

/** @throws if a name is unknown */
export function checkFrameworks(names: readonly string[]): readonly Framework[] {
  for (const name of names) {
    if (!Object.hasOwn(FRAMEWORKS, name)) {
      throw new Error(`Unknown framework ${name}: use ${ALL.join(", ")}.`);
    }
  }
  return names as readonly Framework[];
}

export function frameworksRun(names: readonly Framework[]): Run {
  const files = names.map((name) => `test/apps/${name}.matrix`);
  return { name: "frameworks", tests: ["--project", "matrix-frameworks", ...files] };
}

/** The page with the rows of these results. The rows of frameworks that were not tested stay as they are. */
export function withRows(page: string, names: readonly Framework[], results: readonly Result[]): string {
  const [old = ""] = MARKED.exec(page) ?? [];
  const rows = ALL.flatMap((name) => {
    if (names.includes(name)) return [row(name, results)];
    return old.split("\n").filter((line) => line.startsWith(`| ${FRAMEWORKS[name][0]} |`));
  });
  const header = ["", "version", ...COLUMNS, "note"];
  const lines = [line(header), line(header.map(() => "---")), ...rows];
  return page.replace(MARKED, () => `\n${lines.join("\n")}\n\n`);
}

export function tableOf(page: string): string {
  return MARKED.exec(page)?.[0] ?? "";
}

function row(name: Framework, results: readonly Result[]): string {
  const [label, packageName] = FRAMEWORKS[name];
  const tests = results.filter(({ ancestorTitles }) => ancestorTitles[0] === name);
  const notes: string[] = [];
  const marks = COLUMNS.map((column) => {
    const result = tests.find(({ title }) => title.split(": ", 1).join() === column);
    // A skipped test says why in its name.
    if (result?.status !== "passed" && result?.status !== "failed") {
      notes.push(result?.title.slice(column.length + 2) ?? "");
      return "no";
    }
    return result.status === "passed" ? "✓" : "✗";
  });
  return line([label, versionOf(name, packageName), ...marks, notes.filter(Boolean).join(" ")]);
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function versionOf(name: Framework, packageName: string): string {
  const { dependencies, devDependencies } = readJson<Record<string, Record<string, string>>>(
    join(ROOT, "examples/frameworks/apps", name, "package.json"),
  );
  return { ...dependencies, ...devDependencies }[packageName] ?? "";
}
