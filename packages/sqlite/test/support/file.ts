import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A path for a database, in a folder of its own. */
export function createFile(): {
  readonly path: string;
  readonly folder: string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
  return {
    path: join(folder, "streams.db"),
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
