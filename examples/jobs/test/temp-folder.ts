import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** Creates a folder with these files, by path. It is removed when the test is finished. */
export function tempFolder(files: Record<string, string> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-jobs-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Files named `000.txt` and so on, by path. */
export function manyFiles(count: number): Record<string, string> {
  const name = (index: number): string => `${String(index).padStart(3, "0")}.txt`;
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [name(index), `the text of ${index}`]),
  );
}
