import { readFileSync } from "node:fs";

/** An example of PROTOCOL.md: a request, and the whole exchange that begins with it. */
interface Example {
  readonly title: string;
  readonly request: string;
  readonly exchange: string;
}

/** Reads a file of the repository by its path from the root. */
export function read(path: string): string {
  return readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");
}

/** Each heading under "Examples", with its one block. */
export function readExamples(markdown: string): Example[] {
  const [, examples = ""] = markdown.split("\n## Examples\n");
  const parts = examples.split(/^### /m).slice(1);
  return parts.map((part) => {
    const [title = ""] = part.split("\n", 1);
    const blocks = [...part.matchAll(/^```http\n([^]*?)^```$/gm)];
    const exchange = blocks[0]?.[1] ?? "";
    if (blocks.length !== 1) throw new Error(`"${title}" must have one block, got ${blocks.length}.`);
    return { title, exchange, request: exchange.split("\n\n", 1).join() };
  });
}

/** The text between a heading and the next. */
export function section(markdown: string, title: string): string {
  const part = markdown.split(/^#+ /m).find((text) => text.startsWith(`${title}\n`));
  if (part === undefined) throw new Error(`There is no section "${title}".`);
  return part;
}

/** What stands as code at the beginning of each row of a section's table. */
export function names(markdown: string, title: string): string[] {
  return [...section(markdown, title).matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
}

/** The members of a union of strings in core, read from the source. */
export function union(file: string, type: string): string[] {
  const source = read(`packages/core/src/${file}.ts`);
  const body = new RegExp(`^export type ${type} =([^;]+);`, "m").exec(source)?.[1];
  if (body === undefined) throw new Error(`There is no type ${type} in ${file}.ts.`);
  return [...body.matchAll(/"(.+?)"|(\w+)/g)].flatMap(([, name, other = ""]) => name ?? union(file, other));
}

/** The events that `control.ts` writes. */
export function controlEvents(): string[] {
  const events = read("packages/core/src/protocol/control-events.ts").matchAll(/event: "(.+?)"/g);
  return [...new Set([...events].map(([, name = ""]) => name))];
}
