import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const EXAMPLE = join(import.meta.dirname, "..");
const ROOT = join(EXAMPLE, "../..");

const blocksOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```(?:ts|sh)\n(.*?)\n```$/gms)].map(
    ([, code]) => code as string,
  );

const blocks = blocksOf("docs/shutdown.md");
/** The files that the slow tests run, with their text. */
const files = globSync(["*.ts", "../frameworks/apps/{next,nuxt,sveltekit}/**/*.{ts,json}"], {
  cwd: EXAMPLE,
}).map((file) => [file, readFileSync(join(EXAMPLE, file), "utf8")] as const);

test("every block of the page is part of a file that the tests run", () => {
  for (const block of blocks) {
    expect(
      files.some(([, text]) => text.includes(block)),
      block,
    ).toBe(true);
  }
});

test.for(files.filter(([, text]) => text.includes("SIGTERM")))(
  "the page shows the lines of %s",
  ([, text]) => {
    expect(blocks.some((block) => block.includes("SIGTERM") && text.includes(block))).toBe(true);
  },
);

test.for(["docs/guide.md", "packages/fastify/README.md"])("%s has the same lines as the page", (page) => {
  const lines = blocksOf(page).filter((block) => block.includes("SIGTERM"));
  expect(lines).toHaveLength(1);
  expect(blocks).toContain(lines[0]);
});
