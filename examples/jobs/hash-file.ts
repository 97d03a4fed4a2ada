import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export interface FileHash {
  readonly size: number;
  readonly sha256: string;
}

/** Hashes a file of any size as a stream. Rejects when it cannot be read, and on abort, after closing the file. */
export async function hashFile(path: string, signal: AbortSignal): Promise<FileHash> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest("hex") };
}
