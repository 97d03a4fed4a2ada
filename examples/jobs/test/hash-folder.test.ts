import { readdirSync, readlinkSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { StreamEvent } from "@holdfast/hono";
import { createFakeClock } from "@holdfast/core/testing";
import { expect, test, vi } from "vitest";
import { until } from "../../common/test/until.ts";
import type { JobEvents } from "../events.ts";
import { hashFile } from "../hash-file.ts";
import { hashFolder, type HashOptions } from "../hash-folder.ts";
import { digestOf, sha256 } from "./sha256.ts";
import { manyFiles, tempFolder } from "./temp-folder.ts";

type JobEvent = StreamEvent<JobEvents>;

const { signal } = new AbortController();

const run = (folder: string, options: HashOptions = {}): Promise<JobEvent[]> =>
  Array.fromAsync(hashFolder(folder, { signal, ...options }));

const filesIn = (events: JobEvent[]) =>
  events.flatMap((event) => (event.event === "file" ? event.data.files : []));
const progressIn = (events: JobEvent[]) =>
  events.flatMap((event) => (event.event === "progress" ? event.data : []));

function doneIn(events: JobEvent[]): JobEvents["done"] {
  const last = events.at(-1);
  if (last?.event !== "done") throw new Error("The job is not done.");
  return last.data;
}

test("every file is reported once, with its hash and size", async () => {
  const files = { "b.txt": "bee", "a/deep/c.txt": "", ...manyFiles(100) };
  const results = filesIn(await run(tempFolder(files)));

  const expected = Object.entries(files).map(([path, text]) => ({
    path,
    size: text.length,
    sha256: sha256(text),
  }));
  expect(results).toHaveLength(102);
  expect(results).toEqual(expect.arrayContaining(expected));
});

test("the digest depends only on the names and contents of the files", async () => {
  const files = { "a.txt": "1", "b/c.txt": "2", "b.txt": "3" };
  const backwards = Object.fromEntries(Object.entries(files).toReversed());
  const digest = async (folder: string) => doneIn(await run(folder)).digest;

  expect(await digest(tempFolder(files))).toBe(digestOf(files));
  expect(await digest(tempFolder(backwards))).toBe(digestOf(files));
  expect(await digest(tempFolder({ ...files, "b.txt": "4" }))).not.toBe(digestOf(files));
  expect(await digest(tempFolder())).toBe(digestOf({}));
});

test("the done event counts the files, the bytes and the events, including itself", async () => {
  const events = await run(tempFolder(manyFiles(40)), { interval: 0 });
  const bytes = Object.values(manyFiles(40)).join("").length;
  expect(doneIn(events)).toMatchObject({ files: 40, errors: 0, bytes, events: events.length });
});

test("symbolic links are not followed", async () => {
  const outside = tempFolder({ "secret.txt": "secret" });
  const folder = tempFolder({ "a.txt": "a" });
  symlinkSync(outside, join(folder, "folder"));
  symlinkSync(join(outside, "secret.txt"), join(folder, "file"));
  symlinkSync(folder, join(folder, "self"));
  expect(filesIn(await run(folder))).toMatchObject([{ path: "a.txt" }]);
});

test("a file that cannot be read is reported and counted, and the job continues", async () => {
  const folder = tempFolder({ "a.txt": "a", "gone.txt": "gone", "z.txt": "z" });
  const events = await run(folder, {
    hashFile(path, jobSignal) {
      if (path.endsWith("gone.txt")) rmSync(path);
      return hashFile(path, jobSignal);
    },
  });
  expect(filesIn(events)).toMatchObject([
    { path: "a.txt" },
    { path: "gone.txt", error: "ENOENT" },
    { path: "z.txt" },
  ]);
  expect(doneIn(events)).toMatchObject({
    files: 2,
    errors: 1,
    digest: digestOf({ "a.txt": "a", "z.txt": "z" }),
  });
});

test("a folder that cannot be listed is reported and counted", async () => {
  const events = await run(join(tempFolder(), "gone"));
  expect(filesIn(events)).toEqual([{ path: ".", error: "ENOENT" }]);
  expect(doneIn(events)).toMatchObject({ files: 0, errors: 1 });
});

test("an error that is not from the operating system fails the job", async () => {
  const bug = new TypeError("a bug");
  const failing = run(tempFolder({ "a.txt": "a" }), { hashFile: () => Promise.reject(bug) });
  await expect(failing).rejects.toBe(bug);
});

test("progress is reported when the total is known, and after that at most once per interval", async () => {
  const clock = createFakeClock();
  let started = 0;
  const events = await run(tempFolder(manyFiles(160)), {
    clock,
    interval: 100,
    async hashFile(path, jobSignal) {
      if (++started % 16 === 0) await clock.advance(32);
      return hashFile(path, jobSignal);
    },
  });
  // Ten file events, 32 ms apart: progress after every fourth.
  expect(progressIn(events).map(({ files }) => files)).toEqual([0, 64, 128]);
  expect(progressIn(events)[1]).toMatchObject({
    phase: "hashing",
    total: 160,
    errors: 0,
    filesPerSecond: 500,
  });
});

test("while folders are being listed, progress counts the files found so far", async () => {
  const events = await run(tempFolder({ "a/1": "", "b/2": "", "b/3": "" }), { interval: 0 });
  const listing = progressIn(events).filter(({ phase }) => phase === "listing");
  expect(listing.map(({ total }) => total)).toEqual([0, 2, 3]);
});

test("filesPerSecond limits the rate of the job", async () => {
  const clock = createFakeClock();
  const job = hashFolder(tempFolder(manyFiles(32)), { signal, clock, filesPerSecond: 16 });
  expect((await job.next()).value).toMatchObject({ event: "progress" });
  expect((await job.next()).value).toMatchObject({ event: "file" });

  const next = vi.fn();
  void job.next().then(next);
  await until(() => clock.timers === 1);
  await clock.advance(999);
  expect(next).not.toHaveBeenCalled();
  await clock.advance(1);
  await until(() => next.mock.calls.length === 1);
});

test("an abort ends a job that waits for the rate limit, and leaves no timer", async () => {
  const clock = createFakeClock();
  const user = new AbortController();
  const job = hashFolder(tempFolder(manyFiles(32)), { signal: user.signal, clock, filesPerSecond: 1 });
  await job.next();
  await job.next();
  const next = job.next();
  await until(() => clock.timers === 1);
  user.abort("user");
  await expect(next).rejects.toBe("user");
  expect(clock.timers).toBe(0);
});

test("an abort ends a job that lists folders", async () => {
  const user = new AbortController();
  const job = hashFolder(tempFolder({ "a/b/c": "" }), { signal: user.signal, interval: 0 });
  await job.next();
  user.abort("user");
  await expect(job.next()).rejects.toBe("user");
});

// Only Linux lists the open files of a process in /proc.
test.skipIf(process.platform !== "linux")("an abort closes the file that is being read", async () => {
  const folder = tempFolder({ big: "" });
  const big = join(folder, "big");
  // A sparse file of a terabyte takes no space on the disk.
  truncateSync(big, 2 ** 40);
  const user = new AbortController();
  const job = hashFolder(folder, { signal: user.signal });
  await job.next();
  const next = job.next();
  await until(() => openFiles().includes(big));
  user.abort("user");
  await expect(next).rejects.toBe("user");
  await until(() => !openFiles().includes(big));
});

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
}
