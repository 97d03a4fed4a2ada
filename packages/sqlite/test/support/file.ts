import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder in memory, where there is one: thousands of histories do not wait for a disk. */
export const MEMORY_FOLDER: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A path for a database, in a folder of its own. */
export function createFile(parent: string = tmpdir()): {
  readonly path: string;
  readonly folder: string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(parent, "holdfast-sqlite-"));
  return {
    path: join(folder, "streams.db"),
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
