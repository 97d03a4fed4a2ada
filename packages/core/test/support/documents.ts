import { readdirSync, readFileSync } from "node:fs";

/** An example of PROTOCOL-EXAMPLES.md: a request, and the exchange that begins with it. */
interface Example {
  readonly title: string;
  readonly request: string;
  readonly exchange: string;
}

/** Reads a file of the repository by its path from the root. */
export function read(path: string): string {
  return readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");
}

/** Each heading of the third level, with its only code block. */
export function readExamples(markdown: string): Example[] {
  const parts = markdown.split(/^### /m).slice(1);
  return parts.map((part) => {
    const [title = ""] = part.split("\n", 1);
    const blocks = [...part.matchAll(/^```http\n([^]*?)^```$/gm)];
    const exchange = blocks[0]?.[1] ?? "";
    if (blocks.length !== 1) throw new Error(`"${title}" must have one block, got ${blocks.length}.`);
    return { title, exchange, request: exchange.split("\n\n", 1).join() };
  });
}

/** The headings of this level or, without one, of all levels. */
export function headings(markdown: string, level?: number): string[] {
  const text = markdown.replaceAll(/^```[^]*?^```$/gm, "");
  const found = [...text.matchAll(/^(#+) (.+)$/gm)];
  return found.flatMap(([, marks = "", title = ""]) =>
    marks.length === (level ?? marks.length) ? title : [],
  );
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

/** The anchors in links to this file, or with an empty name in links within the document. */
export function linkedAnchors(markdown: string, file: string): string[] {
  const links = [...markdown.matchAll(/\]\((?:[\w.-]+\/)*([\w.-]*)#([\w-]+)\)/g)];
  return links.flatMap(([, name, anchor = ""]) => (name === file ? anchor : []));
}

/** The text between a heading, whose number may be left out, and the next heading. */
export function section(markdown: string, title: string): string {
  const part = markdown.split(/^#+ /m).find((text) => text.replace(/^[\d.]+ /, "").startsWith(`${title}\n`));
  if (part === undefined) throw new Error(`There is no section "${title}".`);
  return part;
}

/** The code in the first cell of each row of a section's table. */
export function names(markdown: string, title: string): string[] {
  const cells = [...section(markdown, title).matchAll(/^\| ([^|]+) \|/gm)];
  return cells.flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
}

/** The members of a union of strings, read from the source of a package. */
export function union(name: string, type: string): string[] {
  const declaration = new RegExp(`^export type ${type} =([^;]+);`, "m");
  const body = sources(name).flatMap((source) => declaration.exec(source)?.[1] ?? []);
  if (body.length !== 1) throw new Error(`There must be one type ${type} in ${name}, got ${body.length}.`);
  const members = [...(body[0] ?? "").matchAll(/"(.+?)"|(\w+)/g)];
  return members.flatMap(([, member, other = ""]) => member ?? union(name, other));
}

/** The control events that core writes. */
export function controlEvents(): string[] {
  const events = sources("core").flatMap((source) => [...source.matchAll(/event: "(stream\..+?)"/g)]);
  return [...new Set(events.map(([, name = ""]) => name))];
}

/** The source files of a package, without comments. */
function sources(name: string): string[] {
  const paths = readdirSync(new URL(`../../../${name}/src`, import.meta.url), { recursive: true });
  const files = paths.map(String).filter((path) => path.endsWith(".ts"));
  return files.map((path) => read(`packages/${name}/src/${path}`).replaceAll(/\/\*[^]*?\*\//g, ""));
}
