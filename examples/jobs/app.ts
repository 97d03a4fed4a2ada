import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import {
  createCounters,
  createRegistry,
  HoldfastError,
  type Registry,
  sse,
  type StreamEvent,
  type StreamWriter,
} from "@holdfast/hono";
import { sqliteStore } from "@holdfast/sqlite";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { bundleClient } from "../common/client-bundle.ts";
import { processRoutes } from "../common/process-routes.ts";
import type { JobEvents } from "./events.ts";
import { hashFolder, type HashOptions } from "./hash-folder.ts";
import { type JobRequest, readJobRequest } from "./job-request.ts";
import { JobTable } from "./job-table.ts";
import { createMetrics } from "./metrics.ts";
import { servedFolder } from "./served-folder.ts";

export interface AppOptions extends Omit<HashOptions, "filesPerSecond"> {
  /** Jobs may hash this folder and the folders in it. */
  readonly root: string;
  /** Maximum number of jobs that run at the same time. @default 4 */
  readonly maxJobs?: number;
  /** How long the events of an ended job are kept, in ms. After that only its result is. @default 600_000 */
  readonly linger?: number;
  /** The file that keeps the streams and the jobs; without it they are in memory. */
  readonly file?: string;
  /** Kills this process, which somebody else starts again. Without it the page has no button for that. */
  readonly kill?: () => void;
}

/** For how long readers wait for a process that goes on with a job, in ms. */
const RETRY_WINDOW = 600_000;

/** The demo: a page, jobs that hash folders, a stream for each job, and metrics. */
export function createApp({ root, maxJobs = 4, linger = 600_000, file, kill, ...hashing }: AppOptions): {
  readonly app: Hono;
  readonly jobs: Registry<JobEvents>;
} {
  const table = new JobTable(file);
  const counters = createCounters({
    failed: ({ stage, id, error }) => console.error(`${stage} failed, job ${id}:`, error),
  });
  const jobs = createRegistry<JobEvents>({
    // Called when there is no stream: for a job that ended long ago, or for an unknown job, which becomes a 404.
    snapshot: (id) => table.get(id),
    // About 200 bytes per file: a job of 80,000 files can be replayed from its first event. For larger jobs, late
    // readers get a reset that says which events are lost.
    buffer: { bytes: 16 * 1024 * 1024 },
    linger,
    observer: counters,
    // The streams survive this process, and nobody gets an event that does not.
    ...(file !== undefined && {
      store: sqliteStore({ path: file }),
      durability: "stored" as const,
      retryWindow: RETRY_WINDOW,
    }),
  });
  const metrics = createMetrics(counters, () => jobs.gauges());
  const client = bundleClient();
  const app = new Hono();

  /** Runs a job, from its last event on if an earlier process has begun it. */
  async function run(job: StreamWriter<JobEvents>, folder: string, request: JobRequest): Promise<void> {
    const { filesPerSecond } = request;
    const earlier = await eventsOf(jobs, job.id, job.last);
    const status = await job.pipe(({ signal }) =>
      table.record(job.id, hashFolder(folder, { ...hashing, filesPerSecond, earlier, signal })),
    );
    // An interrupted job is run again by the next process.
    if (status !== "interrupted") table.end(job.id);
  }

  async function resume(id: string, request: JobRequest): Promise<void> {
    try {
      const folder = await servedFolder(root, request.path);
      const job = await jobs.open(id, { ifExists: "append" });
      await run(job, folder, request);
    } catch (error) {
      // It had ended, but the process was killed before the table said so.
      if (HoldfastError.is(error) && error.code === "STREAM_ENDED") table.end(id);
      else console.error(`job ${id} cannot be resumed:`, error);
    }
  }
  for (const { id, request } of table.unfinished()) void resume(id, request);

  app.post("/jobs", bodyLimit({ maxSize: 16 * 1024, onError: tooLarge }), async (c) => {
    const request = readJobRequest(await c.req.text());
    const folder = await servedFolder(root, request.path);
    const { streams, lingering } = jobs.gauges();
    if (streams - lingering >= maxJobs) {
      throw new HTTPException(503, { message: `${maxJobs} jobs are running; wait for one to end` });
    }
    const job = await jobs.open(randomUUID());
    table.add(job.id, request);
    void run(job, folder, request);
    return c.json({ id: job.id, stream: `/jobs/${job.id}/stream` }, 201);
  });

  app.get("/jobs/:id/stream", (c) => sse(c, jobs.stream(c.req.param("id"))));

  app.delete("/jobs/:id", async (c) => {
    if (await jobs.cancel(c.req.param("id"))) return c.body(null, 204);
    throw new HTTPException(404, { message: "no such job is running" });
  });

  app.get("/metrics", async (c) =>
    c.text(await metrics.metrics(), 200, { "content-type": metrics.contentType }),
  );

  app.route("/", processRoutes({ kill }));

  app.get("/holdfast-client.js", async (c) =>
    c.body(await client, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  app.use(serveStatic({ root: join(import.meta.dirname, "public") }));
  app.use(serveStatic({ root: join(import.meta.dirname, "../common/page") }));
  // As the page's scripts import them.
  app.use("/common/page/*", serveStatic({ root: join(import.meta.dirname, "..") }));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    if (error instanceof HoldfastError && error.retryable) return c.json({ error: error.message }, 503);
    console.error(error);
    return c.json({ error: "internal server error" }, 500);
  });

  return { app, jobs };
}

/** The events of a job that an earlier process has stored. */
async function eventsOf(
  jobs: Registry<JobEvents>,
  id: string,
  last: number,
): Promise<readonly StreamEvent<JobEvents>[]> {
  const events: StreamEvent<JobEvents>[] = [];
  if (last === 0) return events;
  for await (const { event, data } of jobs.subscribe(id)) {
    events.push({ event, data: JSON.parse(data) } as StreamEvent<JobEvents>);
    if (events.length === last) break;
  }
  return events;
}

function tooLarge(): never {
  throw new HTTPException(413, { message: "the body is too large" });
}
