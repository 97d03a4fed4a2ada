import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anchorOf } from "../../.vitepress/anchor.ts";
import { ROOT } from "../../.vitepress/pages.ts";

/** All Markdown files of the repository that somebody has written, by their paths. */
export const documents: readonly string[] = globSync("**/*.md", {
  cwd: ROOT,
  exclude: (name) =>
    ["node_modules", "dist", ".blocks", "api", "api.md"].includes(String(name).split("/").at(-1) ?? ""),
});

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** A code block of a page. */
export interface Block {
  readonly page: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The imports of the last HTML comment before it that begins with `import`: what the reader has to imagine. */
  readonly context: string;
}

const FENCE = /^( *)```(\w*)[^\n]*\n([^]*?)^ *```$|^ *<!--\s*(import [^]*?)-->$/gm;

export function blocksOf(page: string): Block[] {
  const text = read(page);
  let context = "";
  return [...text.matchAll(FENCE)].flatMap(
    ({ index, 0: all, 1: indent = "", 2: language, 3: code, 4: imports }) => {
      if (imports !== undefined) context = imports.trim().replaceAll(/\s*\n\s*/g, " ");
      if (language === undefined || code === undefined) return [];
      const line = text.slice(0, index + all.indexOf("\n") + 1).split("\n").length;
      return { page, line, language, code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""), context };
    },
  );
}

/** The headings of a page, without those inside of code. */
export function headingsOf(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title.trim());
}

/** The anchors of a page. A heading that is there twice gets a number, as on GitHub. */
export function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    headingsOf(markdown).map((heading) => {
      const anchor = anchorOf(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1"));
      const count = seen.get(anchor) ?? 0;
      seen.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

/** The targets of all links, images and definitions of a page. */
export function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown).replaceAll(/`[^`\n]*`/g, "code");
  return [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|^\[[^\]]+\]: (\S+)$|\b(?:href|src)="([^"]+)"/gm),
  ].map(([, inline, defined, html]) => inline ?? defined ?? html ?? "");
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^( *)(`{3,}|~{3,})[^]*?^ *\2$/gm, "");
}
