import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { run } from "./readme-example.ts";
import { createFile } from "./support/file.ts";

test("the example in the README prints what it promises", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const example = await readFile(new URL("readme-example.ts", import.meta.url), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);

  const file = createFile();
  onTestFinished(() => file.remove());
  const lines: string[] = [];
  await run(file.path, (line) => void lines.push(line));
  expect(lines).toEqual(["1 of 1, done"]);
});
