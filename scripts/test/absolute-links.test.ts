import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { relativeLinks, withAbsoluteLinks } from "../absolute-links.ts";
import { publicPackages } from "../packages.ts";

const absolute = (markdown: string): string =>
  withAbsoluteLinks(markdown, "packages/core", (path) => `https://example.com/${path}`);

describe("absolute links", () => {
  test.each([
    ["[guide](../../docs/guide.md)", "[guide](https://example.com/docs/guide.md)"],
    [
      "[why](../../docs/a.md#why-not) [x](../redis)",
      "[why](https://example.com/docs/a.md#why-not) [x](https://example.com/packages/redis)",
    ],
    ["[test](test/a.test.ts)", "[test](https://example.com/packages/core/test/a.test.ts)"],
    ["![](picture.png)", "![](https://example.com/packages/core/picture.png)"],
    ["[guide]: ../../docs/guide.md", "[guide]: https://example.com/docs/guide.md"],
    ['<img src="picture.png">', '<img src="https://example.com/packages/core/picture.png">'],
  ])("%s becomes absolute", (before, after) => {
    expect(absolute(before)).toBe(after);
    expect(relativeLinks(after)).toEqual([]);
  });

  test.each([
    "[site](https://example.org/a)",
    "[mail](mailto:a@example.org)",
    "[below](#below)",
    "```ts\nhandlers[name](data);\n```\n",
  ])("%s stays", (markdown) => {
    expect(absolute(markdown)).toBe(markdown);
  });

  test("a link between two code blocks becomes absolute", () => {
    const code = "```ts\na[b](c)\n```\n";
    expect(absolute(`${code}[x](y)\n${code}z`)).toBe(
      `${code}[x](https://example.com/packages/core/y)\n${code}z`,
    );
  });
});

describe.each(publicPackages())("the README of $name", ({ folder }) => {
  const links = relativeLinks(readFileSync(join(folder, "README.md"), "utf8"));

  test("has links to files that exist", () => {
    const missing = links.filter((link) => !existsSync(join(folder, link.replace(/#.*/, ""))));
    expect(missing).toEqual([]);
  });
});
