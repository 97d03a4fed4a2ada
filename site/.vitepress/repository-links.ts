import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { MarkdownRenderer } from "vitepress";
import { pages, ROOT } from "./pages.ts";

/** Where the repository can be read, for links to files that are no pages. */
const repository = repositoryUrl();

/**
 * Links are relative to their file, so that they work on GitHub. This plug-in turns them into links of the site: to a
 * page, or to the file in the repository. While the repository has no address, a link to a file is only text.
 */
export function repositoryLinks(md: MarkdownRenderer): void {
  md.core.ruler.push("repository-links", ({ tokens, env }) => {
    const path = env.realPath ?? env.path;
    if (path === undefined) return; // only the title of a page
    const file = relative(ROOT, path);
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (href === null || /^(#|\/|[a-z]+:)/.test(href)) continue;
      const target = targetOf(file, href);
      if (target === undefined) {
        token.attrs = [["class", "file"]];
      } else token.attrSet("href", target);
    }
  });
}

function targetOf(file: string, href: string): string | undefined {
  const [, path = "", anchor = ""] = /^([^#]*)(#.*)?$/.exec(href) ?? [];
  const target = decodeURI(join(dirname(file), path)).replace(/\/$/, "");
  const page = pages.get(target) ?? pages.get(`${target}/README.md`);
  if (page !== undefined) return `/${page}${anchor}`;
  // A dead link stays as it is: the build fails on it.
  if (target.endsWith(".md")) return href;
  return repository && `${repository}/${target}${anchor}`;
}

function repositoryUrl(): string | undefined {
  const { repository: given } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const url: unknown = given?.url ?? given;
  if (typeof url !== "string" || !URL.canParse(url)) return undefined;
  return `${url.replace(/^git\+/, "").replace(/\.git$/, "")}/blob/main`;
}
