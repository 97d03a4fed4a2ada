import { createHash } from "node:crypto";

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The digest of a job, computed from the content of its files. */
export function digestOf(files: Record<string, string>): string {
  const lines = Object.keys(files)
    .sort()
    .map((path) => `${sha256(files[path] as string)}  ${path}\0`);
  return sha256(lines.join(""));
}
