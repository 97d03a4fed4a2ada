import { rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { follow, followToEnd, applicationEvents, type Received } from "../../common/test/follow.ts";
import { until } from "../../common/test/until.ts";
import { hashFile } from "../hash-file.ts";
import { JobTable } from "../job-table.ts";
import { type ServedApp, serveApp } from "./serve-app.ts";
import { digestOf } from "./sha256.ts";
import { manyFiles, tempFolder } from "./temp-folder.ts";
import { HashSemaphore } from "./hash-semaphore.ts";

function post({ url }: ServedApp, body?: string): Promise<Response> {
  return fetch(`${url}/jobs`, { method: "POST", ...(body !== undefined && { body }) });
}

/** Starts a job. `stream` is a complete URL. */
async function start(app: ServedApp, request?: object): Promise<{ id: string; stream: string }> {
  const response = await post(app, request && JSON.stringify(request));
  expect(response.status).toBe(201);
  const { id, stream } = (await response.json()) as { id: string; stream: string };
  return { id, stream: app.url + stream };
}

function cancel({ url }: ServedApp, id: string): Promise<Response> {
  return fetch(`${url}/jobs/${id}`, { method: "DELETE" });
}

async function errorOf(pending: Promise<Response>): Promise<{ status: number; error: string }> {
  const response = await pending;
  const { error } = (await response.json()) as { error: string };
  return { status: response.status, error };
}

/** Waits until the job has pushed so many events. */
async function untilPushed({ jobs }: ServedApp, id: string, events: number): Promise<void> {
  await until(() => (jobs.get(id)?.last ?? 0) >= events);
}

/** Reads so many of the job's events, then disconnects. */
async function read(stream: string, events: number): Promise<Received[]> {
  const received: Received[] = [];
  for await (const one of follow(stream)) {
    if (received.length < events) received.push(...applicationEvents([one]));
    if (received.length === events) break;
  }
  return received;
}

test("a job hashes its folder and ends with the digest", async () => {
  const files = manyFiles(50);
  const inside = Object.fromEntries(Object.entries(files).map(([path, text]) => [`inside/${path}`, text]));
  const app = await serveApp({ root: tempFolder({ ...inside, "outside.txt": "" }) });
  const { id, stream } = await start(app, { path: "inside" });
  expect(stream).toBe(`${app.url}/jobs/${id}/stream`);

  const received = await followToEnd(stream);
  expect(received[0]).toMatchObject({ event: "stream.open" });
  expect(applicationEvents(received).at(-1)).toMatchObject({
    event: "done",
    data: { files: 50, errors: 0, events: applicationEvents(received).length, digest: digestOf(files) },
  });
  expect(received.at(-1)).toMatchObject({ event: "stream.end", data: { status: "done" } });
});

test.each([
  ["no body", undefined],
  ["an empty object", "{}"],
  ["an empty path", `{"path":""}`],
  ["a dot", `{"path":"."}`],
])("%s selects the whole root", async (_, body) => {
  const files = { "a.txt": "a", "b/c.txt": "c" };
  const app = await serveApp({ root: tempFolder(files) });
  const response = await post(app, body);
  expect(response.status).toBe(201);
  const { stream } = (await response.json()) as { stream: string };
  expect((await followToEnd(app.url + stream)).at(-2)?.data).toMatchObject({ digest: digestOf(files) });
});

test("no path leads out of the root", async () => {
  const outside = tempFolder({ "secret/secret.txt": "" });
  const root = tempFolder({ "inside/a.txt": "" });
  symlinkSync(outside, join(root, "link"));
  symlinkSync("../link/secret", join(root, "inside", "link-to-a-link"));
  symlinkSync("../../..", join(root, "inside", "up"));
  const app = await serveApp({ root });

  const escapes = [
    "..",
    "../",
    "../..",
    "inside/../..",
    "inside/../../../etc",
    `../${basename(outside)}`,
    `../${basename(root)}-not`,
    "/",
    "/etc",
    outside,
    `${root}-not`,
    `${root}/..`,
    "link",
    "link/",
    "link/secret",
    "inside/link-to-a-link",
    "inside/up",
  ];
  for (const path of escapes) {
    const response = await errorOf(post(app, JSON.stringify({ path })));
    expect(response, path).toEqual({
      status: 400,
      error: expect.stringMatching(/(is|leads) outside the served folder$/),
    });
  }
  expect(app.jobs.size).toBe(0);
});

test("a folder within the root can be given by any path to it", async () => {
  const root = tempFolder({ "inside/deep/a.txt": "a", "..dots/a.txt": "a" });
  symlinkSync("inside/deep", join(root, "link"));
  const app = await serveApp({ root });
  for (const path of [
    "inside/deep",
    "inside/deep/",
    "./inside//deep",
    "inside/../inside/deep",
    join(root, "inside/deep"),
    "link",
    "..dots",
  ]) {
    const { stream } = await start(app, { path });
    expect((await followToEnd(stream)).at(-2)?.data, path).toMatchObject({
      digest: digestOf({ "a.txt": "a" }),
    });
  }
});

test.each([
  ["a missing folder", `{"path":"nowhere"}`, `there is no folder "nowhere"`],
  ["a path through a file", `{"path":"a.txt/b"}`, `there is no folder "a.txt/b"`],
  ["a path that is too long", `{"path":"${"a".repeat(5000)}"}`, /^there is no folder "a/],
  ["a file", `{"path":"a.txt"}`, `"a.txt" is not a folder`],
  ["a NUL", `{"path":"a\\u0000b"}`, `"path" must not contain NUL`],
  ["a number", `{"path":5}`, `"path" must be a string, not 5`],
  ["null", `{"path":null}`, `"path" must be a string, not null`],
  ["a list", `{"path":["a"]}`, `"path" must be a string, not ["a"]`],
  ["broken JSON", `{"path":`, "the body is not JSON"],
  ["a body that is not an object", `"inside"`, "the body must be a JSON object"],
  ["a body that is null", "null", "the body must be a JSON object"],
  ["a body that is a list", "[]", "the body must be a JSON object"],
  ["a rate of zero", `{"filesPerSecond":0}`, `"filesPerSecond" must be a positive number, not 0`],
  [
    "a rate that is not a number",
    `{"filesPerSecond":"9"}`,
    `"filesPerSecond" must be a positive number, not "9"`,
  ],
])("%s is rejected", async (_, body, error) => {
  const app = await serveApp({ root: tempFolder({ "a.txt": "a" }) });
  const expected = typeof error === "string" ? error : expect.stringMatching(error);
  expect(await errorOf(post(app, body))).toEqual({ status: 400, error: expected });
  expect(app.jobs.size).toBe(0);
});

test("a body that is too large is rejected", async () => {
  const app = await serveApp({ root: tempFolder() });
  const response = await errorOf(post(app, `{"path":"${"a".repeat(20_000)}"}`));
  expect(response).toEqual({ status: 413, error: "the body is too large" });
});

test("a late reader gets every event from the first one", async () => {
  const semaphore = new HashSemaphore();
  const app = await serveApp({ root: tempFolder(manyFiles(160)), hashFile: semaphore.hashFile, interval: 0 });
  const { id, stream } = await start(app);
  const early = followToEnd(stream);
  semaphore.release(80);
  await untilPushed(app, id, 8);
  const late = followToEnd(stream);
  semaphore.releaseAll();
  const after = (async () => {
    await early;
    return followToEnd(stream);
  })();

  const events = applicationEvents(await early);
  expect(events.map(({ id: eventId }) => Number(eventId?.split(".")[1]))).toEqual(
    events.map((_, index) => index + 1),
  );
  expect(applicationEvents(await late)).toEqual(events);
  expect(applicationEvents(await after)).toEqual(events);
});

test.each(["Last-Event-ID", "lastEventId"])(
  "a reader that reconnects with %s gets exactly the rest",
  async (transport) => {
    const semaphore = new HashSemaphore();
    const app = await serveApp({
      root: tempFolder(manyFiles(160)),
      hashFile: semaphore.hashFile,
      interval: 0,
    });
    const { id, stream } = await start(app);
    semaphore.release(48);
    const before = await read(stream, 4);
    semaphore.release(48);
    await untilPushed(app, id, 8);

    const cursor = before.at(-1)?.id as string;
    const rest =
      transport === "Last-Event-ID"
        ? followToEnd(stream, cursor)
        : followToEnd(`${stream}?lastEventId=${cursor}`);
    semaphore.releaseAll();
    const all = applicationEvents(await followToEnd(stream));
    expect([...before, ...applicationEvents(await rest)]).toEqual(all);
  },
);

test("a reader that has the end gets a 204", async () => {
  const app = await serveApp({ root: tempFolder() });
  const { stream } = await start(app);
  const end = (await followToEnd(stream)).at(-1);
  expect((await fetch(stream, { headers: { "last-event-id": end?.id as string } })).status).toBe(204);
});

test("a cancelled job ends for its readers and cannot be cancelled again", async () => {
  const semaphore = new HashSemaphore();
  const app = await serveApp({
    root: tempFolder(manyFiles(64)),
    hashFile: semaphore.hashFile,
    interval: Infinity,
  });
  const { id, stream } = await start(app);
  semaphore.release(16);
  const reader = followToEnd(stream);
  await untilPushed(app, id, 2);

  expect((await cancel(app, id)).status).toBe(204);
  const received = await reader;
  expect(received.at(-1)).toMatchObject({ event: "stream.end", data: { status: "cancelled" } });
  expect(applicationEvents(received).map(({ event }) => event)).toEqual(["progress", "file"]);
  expect(await errorOf(cancel(app, id))).toEqual({ status: 404, error: "no such job is running" });
});

test("an unknown job cannot be cancelled", async () => {
  const app = await serveApp({ root: tempFolder() });
  expect((await cancel(app, "nobody")).status).toBe(404);
});

test("a job continues without readers", async () => {
  const semaphore = new HashSemaphore();
  const app = await serveApp({ root: tempFolder(manyFiles(64)), hashFile: semaphore.hashFile });
  const { id, stream } = await start(app);
  semaphore.release(16);
  await read(stream, 1);
  await until(() => app.jobs.gauges().connections === 0);
  semaphore.releaseAll();
  await until(() => app.jobs.get(id)?.status === "done");
});

test("a file that cannot be read is reported in an event, and the job continues", async () => {
  const app = await serveApp({
    root: tempFolder({ "a.txt": "a", "b.txt": "b" }),
    hashFile(path, signal) {
      if (path.endsWith("b.txt")) rmSync(path);
      return hashFile(path, signal);
    },
  });
  const [, file, done] = applicationEvents(await followToEnd((await start(app)).stream));
  expect(file?.data).toMatchObject({
    files: [
      { path: "a.txt", size: 1 },
      { path: "b.txt", error: "ENOENT" },
    ],
  });
  expect(done?.data).toMatchObject({ files: 1, errors: 1, digest: digestOf({ "a.txt": "a" }) });
});

test("the number of running jobs is limited", async () => {
  const semaphore = new HashSemaphore();
  const app = await serveApp({ root: tempFolder(manyFiles(1)), maxJobs: 2, hashFile: semaphore.hashFile });
  const { id } = await start(app);
  await start(app);
  expect(await errorOf(post(app))).toEqual({ status: 503, error: "2 jobs are running; wait for one to end" });

  await cancel(app, id);
  const { stream } = await start(app);
  semaphore.releaseAll();
  expect((await followToEnd(stream)).at(-1)?.data).toEqual({ status: "done" });
});

test("no job can be started while the server closes", async () => {
  const app = await serveApp({ root: tempFolder() });
  await app.jobs.close();
  expect(await errorOf(post(app))).toEqual({ status: 503, error: "The registry is closed." });
});

test("an unknown job has no stream", async () => {
  const app = await serveApp({ root: tempFolder() });
  expect((await fetch(`${app.url}/jobs/nobody/stream`)).status).toBe(404);
});

test("when the events of a job are no longer kept, every reader gets its result with the same ids", async () => {
  const app = await serveApp({ root: tempFolder(manyFiles(20)), linger: 0 });
  const { stream } = await start(app);
  const done = applicationEvents(await followToEnd(stream)).at(-1);
  await until(() => app.jobs.size === 0);

  const late = await followToEnd(stream);
  expect(late.map(({ event }) => event)).toEqual(["stream.open", "done", "stream.end"]);
  expect(late[1]?.data).toEqual(done?.data);
  expect(await followToEnd(stream)).toMatchObject(late.map(({ id, event }) => ({ id, event })));

  const [open, reset, ...rest] = await followToEnd(stream, done?.id);
  expect(open?.event).toBe("stream.open");
  expect(reset).toMatchObject({ event: "stream.reset", data: { reason: "epoch", lost: null } });
  expect(rest).toEqual(late.slice(1));
});

test("only the latest results are kept", async () => {
  const table = new JobTable(":memory:", 2);
  const done = { files: 0, errors: 0, bytes: 0, filesPerSecond: 0, events: 2, seconds: 0, digest: "" };
  for (const id of ["a", "b", "c"]) {
    table.add(id, { path: undefined, filesPerSecond: Infinity });
    const events = ReadableStream.from([{ event: "done", data: done } as const]);
    await Array.fromAsync(table.record(id, events));
    table.end(id);
  }
  expect(table.get("a")).toBeUndefined();
  expect(table.get("b")).toEqual({ state: "done", events: [{ event: "done", data: done }] });
  expect(table.get("c")).toBeDefined();
  expect(table.unfinished()).toEqual([]);
});

test("another process goes on with a job where its stream ends", async () => {
  const files = manyFiles(64);
  const root = tempFolder(files);
  const file = join(tempFolder({}), "jobs.db");
  const semaphore = new HashSemaphore();
  const first = await serveApp({ root, file, hashFile: semaphore.hashFile });
  const { id, stream } = await start(first);
  semaphore.release(32);
  // Two events of the listing, and one for each 16 files.
  await until(() => first.jobs.get(id)?.last === 3);
  await first.jobs.close({ deadline: 0 });

  const second = await serveApp({ root, file });
  const events = applicationEvents(await followToEnd(second.url + new URL(stream).pathname));
  expect(events.map(({ event }) => event)).toEqual([
    "progress",
    "file",
    "file",
    "progress",
    "file",
    "file",
    "done",
  ]);
  expect(events.at(-1)?.data).toMatchObject({ files: 64, events: 7, digest: digestOf(files) });
});

test("the metrics show the gauges and counters of the registry", async () => {
  const app = await serveApp({ root: tempFolder(manyFiles(20)) });
  const { stream } = await start(app);
  const { length } = applicationEvents(await followToEnd(stream));
  await followToEnd(stream);
  await until(() => app.jobs.gauges().connections === 0);

  const response = await fetch(`${app.url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const lines = (await response.text()).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "# TYPE holdfast_registry_connections gauge",
      "holdfast_registry_connections 0",
      "holdfast_registry_lingering 1",
      "# HELP holdfast_connection_closed_total Connections that were closed.",
      "# TYPE holdfast_connection_closed_total counter",
      `holdfast_connection_closed_total{holdfast_close_reason="ended"} 2`,
      `holdfast_connection_closed_total{holdfast_close_reason="zombie"} 0`,
      `holdfast_stream_ended_total{holdfast_end_status="done"} 1`,
      `holdfast_event_pushed_total ${length}`,
      `holdfast_event_delivered_total ${2 * length}`,
    ]),
  );
  const again = await (await fetch(`${app.url}/metrics`)).text();
  expect(again.split("\n")).toEqual(lines);
});

test("the page and its files are served, and no other files", async () => {
  const { url } = await serveApp({ root: tempFolder() });
  const typeOf = async (path: string) => (await fetch(url + path)).headers.get("content-type");
  expect(await typeOf("/?job=1")).toMatch("text/html");
  expect(await typeOf("/page.js")).toMatch("text/javascript");
  expect(await typeOf("/style.css")).toMatch("text/css");
  expect(await typeOf("/holdfast-client.js")).toMatch("text/javascript");
  for (const path of ["/app.ts", "/..%2fapp.ts", "/%2e%2e/app.ts", "/nothing"]) {
    expect((await fetch(url + path)).status, path).toBe(404);
  }
});
