import { existsSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { pages, ROOT } from "../.vitepress/pages.ts";
import { anchorsOf, documents, linksOf, read } from "./support/markdown.ts";

test.each(documents)("the links of %s lead somewhere", (document) => {
  const links = linksOf(read(document)).filter((link) => !/^[a-z]+:/.test(link));
  const dead = links
    .map((link) => [link, problemOf(document, link)])
    .filter(([, problem]) => problem !== undefined);
  expect(dead).toEqual([]);
});

test("the buttons of the start page lead to pages and headings", () => {
  const links = [...read("site/index.md").matchAll(/^\s+link: \/([\w/-]+)(?:#([\w-]+))?$/gm)];
  expect(links.length).toBeGreaterThan(5);
  for (const [link, path, anchor] of links) {
    const [file] = [...pages].find(([, page]) => page === `${path}.md`) ?? [];
    expect(file, link).toBeDefined();
    if (anchor !== undefined) expect(anchorsOf(read(file as string))).toContain(anchor);
  }
});

/** What is wrong with a link of a document, relative to its folder. */
function problemOf(document: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : normalize(join(dirname(document), decodeURI(path)));
  if (target.startsWith("..")) return "outside of the repository";
  if (!existsSync(join(ROOT, target))) return "no such file";
  if (anchor === undefined) return undefined;
  const page = statSync(join(ROOT, target)).isDirectory() ? join(target, "README.md") : target;
  if (!page.endsWith(".md")) return undefined;
  return anchorsOf(read(page)).has(anchor) ? undefined : "no such heading";
}
