import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreServer } from "./store-session.ts";

/** A path for the SQLite file of one measurement. It has no process of its own. */
export function createFile(): StoreServer {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  return {
    place: join(folder, "streams.db"),
    cpu: () => 0,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
