import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "./system-error.ts";

/** The content of one folder. */
export interface Listing {
  /** Its regular files, as paths relative to the root. */
  readonly files: readonly string[];
  /** Set when the folder could not be listed. */
  readonly failure?: { readonly path: string; readonly error: string };
}

/** Lists the regular files in a folder and its subfolders, one folder at a time. Ignores symbolic links. */
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
