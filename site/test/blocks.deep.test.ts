import { execFile } from "node:child_process";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT } from "../.vitepress/pages.ts";
import { type BlockFile, blockFiles, FOLDER } from "./support/blocks.ts";

test("every code block of the pages compiles", async () => {
  const files = new Map(blockFiles().map((file) => [relative(ROOT, file.path), file]));
  expect(files.size).toBeGreaterThan(50);
  const errors = (await compile())
    .split(/\n(?=\S)/)
    .flatMap((error) => (error === "" ? [] : onPage(error, files)));
  expect(errors).toEqual([]);
});

/** The output of the compiler, which is empty if there is nothing to say. */
async function compile(): Promise<string> {
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  return promisify(execFile)(tsc, ["-p", FOLDER, "--pretty", "false"], { cwd: ROOT }).then(
    () => "",
    ({ stdout, stderr }) => `${stdout}${stderr}`.trim(),
  );
}

/** An error with its place on the page, instead of that in the file. */
function onPage(error: string, files: ReadonlyMap<string, BlockFile>): string {
  const [all, path = "", row] = /^([^(]+)\((\d+),\d+\)/.exec(error) ?? [];
  const file = files.get(path);
  if (all === undefined || file === undefined) return error;
  // A fragment is inside of a function, whose first line comes before it.
  const added = file.text
    .split("\n")
    .findIndex((line) => line.endsWith(file.block.code.split("\n", 1).join()));
  return `${file.block.page}:${file.block.line + Number(row) - 1 - added}${error.slice(all.length)}`;
}
