import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Clock, type StreamEvent, systemClock } from "@holdfast/hono";
import type { FileResult, JobEvents } from "./events.ts";
import { hashFile } from "./hash-file.ts";
import { listFiles } from "./list-files.ts";
import { createPace } from "./pace.ts";
import { systemErrorCode } from "./system-error.ts";
import { Tally } from "./tally.ts";

/** Files that are read at the same time, and told together. */
const TOGETHER = 16;

export interface HashOptions {
  /** About how many files are hashed in a second at most. @default Infinity */
  readonly filesPerSecond?: number;
  /** `progress` is told when the total is known, and besides at most once in so many ms. @default 100 */
  readonly interval?: number;
  readonly clock?: Clock;
  readonly hashFile?: typeof hashFile;
}

/** The job: hashes every file under a folder, and tells how it goes. On abort it throws, and lets go of every file. */
export async function* hashFolder(
  folder: string,
  { signal, ...options }: HashOptions & { readonly signal: AbortSignal },
): AsyncGenerator<StreamEvent<JobEvents>> {
  const { filesPerSecond = Infinity, interval = 100, clock = systemClock } = options;
  const { hashFile: hash = hashFile } = options;
  const tally = new Tally(clock);
  const progressIsDue = createThrottle(interval, clock);

  const paths: string[] = [];
  for await (const { files, failure } of listFiles(folder, signal)) {
    for (const file of files) paths.push(file);
    tally.found(files.length);
    if (failure !== undefined) {
      tally.found(1);
      yield tally.file([failure]);
    }
    if (progressIsDue()) yield tally.progress("listing");
  }

  async function resultOf(path: string): Promise<FileResult> {
    try {
      return { path, ...(await hash(join(folder, path), signal)) };
    } catch (error) {
      signal.throwIfAborted();
      return { path, error: systemErrorCode(error) };
    }
  }

  const digest = createHash("sha256");
  const pace = createPace(filesPerSecond, clock);
  paths.sort();
  tally.startHashing();
  yield tally.progress("hashing");
  for (let next = 0; next < paths.length; next += TOGETHER) {
    await pace(next, signal);
    signal.throwIfAborted();
    const files = await Promise.all(paths.slice(next, next + TOGETHER).map(resultOf));
    for (const file of files) {
      if ("sha256" in file) digest.update(`${file.sha256}  ${file.path}\0`);
    }
    yield tally.file(files);
    if (progressIsDue()) yield tally.progress("hashing");
  }
  yield tally.done(digest.digest("hex"));
}

/** Says yes at most once every `interval` ms, and not at first. */
function createThrottle(interval: number, clock: Clock): () => boolean {
  let last = clock.now();
  return () => {
    if (clock.now() - last < interval) return false;
    last = clock.now();
    return true;
  };
}
