import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ROOT } from "../../.vitepress/pages.ts";
import { type Block, blocksOf, documents } from "./markdown.ts";

/** Where the code blocks of the pages become files. */
export const FOLDER: string = join(import.meta.dirname, "../../.blocks");

const EXTENSIONS: Readonly<Record<string, string>> = { ts: "ts", js: "ts", tsx: "tsx", jsx: "tsx" };

/** A block as a file. */
export interface BlockFile {
  readonly path: string;
  readonly block: Block;
  readonly text: string;
}

/**
 * Makes a file of every block that no other file of the repository contains: those are compiled and run where they are.
 * A block with imports is a module as it stands. One without them is a fragment, and becomes the body of a function.
 */
export function blockFiles(): BlockFile[] {
  const sources = sourceFiles();
  return documents
    .filter((page) => !page.startsWith("packages/conformance/"))
    .flatMap((page) =>
      blocksOf(page)
        .filter(({ language }) => language in EXTENSIONS)
        .flatMap((block, index) => {
          if (sources.some((source) => source.includes(block.code))) return [];
          return { path: join(folderOf(page), nameOf(block, index)), block, text: textOf(block) };
        }),
    );
}

/** A page's blocks are in a folder of its own, so that they can import each other. */
function folderOf(page: string): string {
  const name = page.replace(/^docs\//, "").replace(/(\/README)?\.md$/, "");
  return join(FOLDER, name.replaceAll("/", "-"));
}

/** A block may give its name in a comment on its first line: `// server.ts`. */
function nameOf({ code, language }: Block, index: number): string {
  return (
    /^\/\/ (?:[\w-]+\/)*([\w.-]+\.tsx?)$/m.exec(code.split("\n", 1).join())?.[1] ??
    `block-${index + 1}.${EXTENSIONS[language]}`
  );
}

function textOf({ code, context }: Block): string {
  const imports = contextFor(code, context);
  if (/^(import|export) /m.test(code)) return `${imports}${code}`;
  return `${imports}export async function block() {\n${code}}\n`;
}

/** The imports of the context, on one line, without the names that the block declares itself. */
function contextFor(code: string, context: string): string {
  const lines = [...context.matchAll(/import (type )?\{([^}]*)\} from ("[^"]+");?/g)];
  const imports = lines.map(([, type = "", names = "", from]) => {
    const missing = names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => {
        const plain = name.replace(/^type |^.* as /, "");
        return (
          plain !== "" &&
          !new RegExp(
            `^(import [^]*?\\b${plain}\\b[^]*? from |export .*\\b${plain} =|(export )?(async )?(const|let|function\\*?|class|interface|type) ${plain}\\b)`,
            "m",
          ).test(code)
        );
      });
    return `import ${type}{ ${missing.join(", ")} } from ${from}; `;
  });
  return imports.join("");
}

/** The files of the repository that its own checks compile. */
function sourceFiles(): string[] {
  return globSync(["{examples,packages,bench}/**/*.ts", "examples/**/*.tsx"], {
    cwd: ROOT,
    exclude: (name) => ["node_modules", "dist", ".tsc"].includes(basename(String(name))),
  }).map((path) => readFileSync(join(ROOT, path), "utf8"));
}

/** Writes all of them, for the tests of this project. */
export default function setup(): void {
  rmSync(FOLDER, { recursive: true, force: true });
  const blocks = blockFiles();
  for (const { path, text } of blocks) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  // Not those of the suites' README: they are about an adapter and a store that do not exist.
  const files = [...blocks.map(({ path }) => path), join(FOLDER, "../test/context/platforms.d.ts")];
  const options = {
    jsx: "react-jsx",
    lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
    rootDir: "../..",
  };
  writeFileSync(
    join(FOLDER, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.test.json", compilerOptions: options, files }),
  );
}
