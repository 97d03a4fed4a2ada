import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const EXAMPLE = join(import.meta.dirname, "..");
const page = readFileSync(join(EXAMPLE, "../../docs/jobs-from-a-queue.md"), "utf8");
const files = globSync("*.ts", { cwd: EXAMPLE }).map((file) => readFileSync(join(EXAMPLE, file), "utf8"));

test("every block of docs/jobs-from-a-queue.md is part of a file of the example", () => {
  const blocks = [...page.matchAll(/^```ts\n(.*?)\n```$/gms)].map(([, code]) => code as string);
  expect(blocks.length).toBeGreaterThan(5);
  for (const block of blocks) {
    expect(
      files.some((text) => text.includes(block)),
      block,
    ).toBe(true);
  }
});

test("the page shows the whole worker, but for its imports and what the buttons of the page need", () => {
  const worker = readFileSync(join(EXAMPLE, "worker.ts"), "utf8");
  const names = [...worker.matchAll(/^(?:async )?function\*? (\w+)|^process\.once\("(SIGTERM)"/gm)].map(
    ([, name, signal]) => name ?? signal,
  );
  expect(names).toEqual(["run", "writeReport", "write", "textOf", "SIGTERM"]);
  for (const name of names) expect(page).toContain(name);
});
