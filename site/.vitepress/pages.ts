import { globSync } from "node:fs";
import { join } from "node:path";

/** The root of the repository, which is the source folder of the site. */
export const ROOT: string = join(import.meta.dirname, "../..");

/** The Markdown files that are pages of the site, and the paths that they have there. */
const PAGES: readonly (readonly [glob: string, toPage: (path: string) => string])[] = [
  ["site/index.md", () => "index.md"],
  ["docs/**/*.md", (path) => path.replace("docs/", "")],
  // docs/security.md has the other name.
  ["*.md", (path) => path.toLowerCase().replace(/^security\.md$/, "security-policy.md")],
  ["packages/*/README.md", (path) => path.replace("/README.md", ".md")],
  ["{bench,examples/*}/README.md", (path) => path.replace("/README.md", ".md")],
];

/** The path of each page on the site, by the path of its file in the repository. */
export const pages: ReadonlyMap<string, string> = new Map(
  PAGES.flatMap(([glob, toPage]) =>
    globSync(glob, { cwd: ROOT }).map((path) => [path, toPage(path)] as const),
  ),
);

const paths = [...pages.values()];
const doubled = paths.filter((path, index) => paths.indexOf(path) !== index);
if (doubled.length > 0) throw new Error(`Two files would be the page ${doubled.join(", ")}.`);
