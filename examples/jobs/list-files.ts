import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "./system-error.ts";

/** What one folder holds. */
export interface Listing {
  /** Its regular files, as paths from the root. */
  readonly files: readonly string[];
  /** Why it could not be listed. */
  readonly failure?: { readonly path: string; readonly error: string };
}

/** Lists the regular files under a folder, folder by folder. Symbolic links are neither listed nor followed. */
export async function* listFiles(root: string, signal: AbortSignal): AsyncGenerator<Listing> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    let entries: Dirent[];
    try {
      entries = await readdir(join(root, folder), { withFileTypes: true });
    } catch (error) {
      yield { files: [], failure: { path: folder || ".", error: systemErrorCode(error) } };
      continue;
    }
    const files: string[] = [];
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) files.push(path);
    }
    yield { files };
  }
}
