import { posix } from "node:path";

/** A fenced code block; `](` has another meaning there. */
const CODE_BLOCK = /^(```|~~~)[^]*?^\1/gm;
/** The target of a link or an image: inline, as a definition of its own line, or in HTML. */
const LINK_TARGET = /(\]\(|^\[[^\]]+\]:\s*|\s(?:href|src)=")([^\s)">]+)/gm;
const RELATIVE = /^(?![a-z][a-z+.-]*:|#|\/\/)/i;

/** Calls `replace` for the target of every relative link of a Markdown page. */
function mapLinks(markdown: string, replace: (target: string) => string): string {
  const code = markdown.match(CODE_BLOCK) ?? [];
  return markdown
    .split(CODE_BLOCK)
    .filter((_text, index) => index % 2 === 0)
    .map((text) =>
      text.replace(LINK_TARGET, (all, before: string, target: string) =>
        RELATIVE.test(target) ? before + replace(target) : all,
      ),
    )
    .map((text, index) => text + (code[index] ?? ""))
    .join("");
}

/** The targets of all relative links of a page. */
export function relativeLinks(markdown: string): readonly string[] {
  const targets: string[] = [];
  mapLinks(markdown, (target) => {
    targets.push(target);
    return target;
  });
  return targets;
}

/**
 * The page with absolute links, for readers who have only the package.
 *
 * @param directory the folder of the page, relative to the root of the repository
 * @param urlOf the URL of a file of the repository
 */
export function withAbsoluteLinks(
  markdown: string,
  directory: string,
  urlOf: (path: string) => string,
): string {
  return mapLinks(markdown, (target) => {
    const [path = "", ...anchor] = target.split(/(?=#)/);
    return urlOf(posix.join(directory, path)) + anchor.join("");
  });
}
