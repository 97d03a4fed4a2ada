import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Clock, type StreamEvent, systemClock } from "@holdfast/hono";
import type { FileResult, JobEvents } from "./events.ts";
import { hashFile } from "./hash-file.ts";
import { JobProgress } from "./job-progress.ts";
import { listFiles } from "./list-files.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { systemErrorCode } from "./system-error.ts";

type JobEvent = StreamEvent<JobEvents>;

/** Files that are read in parallel and sent in one event. */
const BATCH_SIZE = 16;

export interface HashOptions {
  /** Approximate maximum number of files per second. @default Infinity */
  readonly filesPerSecond?: number;
  /** Minimum time between two `progress` events, in ms. One is always sent when the total is known. @default 100 */
  readonly interval?: number;
  readonly clock?: Clock;
  readonly hashFile?: typeof hashFile;
  /** The events that an earlier run of the job has sent: what they report is not done again. @default [] */
  readonly earlier?: readonly JobEvent[];
}

/** The job: hashes every file in a folder and reports its progress. On abort it closes all files and throws. */
export async function* hashFolder(
  folder: string,
  { signal, ...options }: HashOptions & { readonly signal: AbortSignal },
): AsyncGenerator<JobEvent> {
  const { filesPerSecond = Infinity, interval = 100, clock = systemClock } = options;
  const { hashFile: hash = hashFile, earlier = [] } = options;
  const progress = new JobProgress(clock, earlier.length);
  const results = new Map<string, FileResult>();
  for (const { event, data } of earlier) {
    if (event !== "file") continue;
    for (const file of data.files) results.set(file.path, file);
    progress.addResults(data.files);
  }
  const progressIsDue = createThrottle(interval, clock);

  const paths: string[] = [];
  progress.addFound(results.size);
  for await (const { files, failure } of listFiles(folder, signal)) {
    const newFiles = files.filter((path) => !results.has(path));
    for (const file of newFiles) paths.push(file);
    progress.addFound(newFiles.length);
    if (failure !== undefined && !results.has(failure.path)) {
      progress.addFound(1);
      yield progress.fileEvent([failure]);
    }
    if (progressIsDue()) yield progress.progressEvent("listing");
  }

  async function resultOf(path: string): Promise<FileResult> {
    try {
      return { path, ...(await hash(join(folder, path), signal)) };
    } catch (error) {
      signal.throwIfAborted();
      return { path, error: systemErrorCode(error) };
    }
  }

  const waitForTurn = createRateLimiter(filesPerSecond, clock);
  paths.sort();
  progress.startHashing();
  yield progress.progressEvent("hashing");
  for (let next = 0; next < paths.length; next += BATCH_SIZE) {
    await waitForTurn(next, signal);
    signal.throwIfAborted();
    const files = await Promise.all(paths.slice(next, next + BATCH_SIZE).map(resultOf));
    for (const file of files) results.set(file.path, file);
    yield progress.fileEvent(files);
    if (progressIsDue()) yield progress.progressEvent("hashing");
  }
  yield progress.doneEvent(digestOf(results));
}

function digestOf(results: ReadonlyMap<string, FileResult>): string {
  const digest = createHash("sha256");
  for (const path of Array.from(results.keys()).sort()) {
    const file = results.get(path) as FileResult;
    if ("sha256" in file) digest.update(`${file.sha256}  ${path}\0`);
  }
  return digest.digest("hex");
}

/** Returns a function that returns true at most once per `interval` ms, and not in the first interval. */
function createThrottle(interval: number, clock: Clock): () => boolean {
  let last = clock.now();
  return () => {
    if (clock.now() - last < interval) return false;
    last = clock.now();
    return true;
  };
}
