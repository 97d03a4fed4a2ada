import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const EXAMPLE = join(import.meta.dirname, "..");

test("every block of docs/hypermedia.md is part of a file of the example", () => {
  const page = readFileSync(join(EXAMPLE, "../../docs/hypermedia.md"), "utf8");
  const files = globSync("*.ts", { cwd: EXAMPLE }).map((file) => readFileSync(join(EXAMPLE, file), "utf8"));
  const blocks = [...page.matchAll(/^```ts\n(.*?)\n```$/gms)].map(([, code]) => code as string);
  expect(blocks.length).toBeGreaterThan(4);
  for (const block of blocks) {
    expect(
      files.some((text) => text.includes(block)),
      block,
    ).toBe(true);
  }
});
