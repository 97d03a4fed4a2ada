import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { createCounters, createRegistry, HoldfastError, type Registry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { bundleClient } from "../common/client-bundle.ts";
import type { JobEvents } from "./events.ts";
import { hashFolder, type HashOptions } from "./hash-folder.ts";
import { readJobRequest } from "./job-request.ts";
import { createMetrics } from "./metrics.ts";
import { Results } from "./results.ts";
import { servedFolder } from "./served-folder.ts";

export interface AppOptions extends Omit<HashOptions, "filesPerSecond"> {
  /** Jobs may hash this folder and the folders in it. */
  readonly root: string;
  /** Maximum number of jobs that run at the same time. @default 4 */
  readonly maxJobs?: number;
  /** How long the events of an ended job are kept, in ms. After that only its result is. @default 600_000 */
  readonly linger?: number;
}

/** The demo: a page, jobs that hash folders, a stream for each job, and metrics. */
export function createApp({ root, maxJobs = 4, linger = 600_000, ...hashing }: AppOptions): {
  readonly app: Hono;
  readonly jobs: Registry<JobEvents>;
} {
  const results = new Results();
  const counters = createCounters({
    failed: ({ stage, id, error }) => console.error(`${stage} failed, job ${id}:`, error),
  });
  const jobs = createRegistry<JobEvents>({
    // Called when there is no stream: for a job that ended long ago, or for an unknown job, which becomes a 404.
    snapshot: (id) => results.get(id),
    // About 200 bytes per file: a job of 80,000 files can be replayed from its first event. For larger jobs, late
    // readers get a reset that says which events are lost.
    buffer: { bytes: 16 * 1024 * 1024 },
    linger,
    observer: counters,
  });
  const metrics = createMetrics(counters, () => jobs.gauges());
  const client = bundleClient();
  const app = new Hono();

  app.post("/jobs", bodyLimit({ maxSize: 16 * 1024, onError: tooLarge }), async (c) => {
    const { path, filesPerSecond } = readJobRequest(await c.req.text());
    const folder = await servedFolder(root, path);
    const { streams, lingering } = jobs.gauges();
    if (streams - lingering >= maxJobs) {
      throw new HTTPException(503, { message: `${maxJobs} jobs are running; wait for one to end` });
    }
    const job = await jobs.open(randomUUID());
    void job.pipe(({ signal }) =>
      results.record(job.id, hashFolder(folder, { ...hashing, filesPerSecond, signal })),
    );
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

  app.get("/holdfast-client.js", async (c) =>
    c.body(await client, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  app.use(serveStatic({ root: join(import.meta.dirname, "public") }));
  app.use(serveStatic({ root: join(import.meta.dirname, "../common/page") }));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    if (error instanceof HoldfastError && error.retryable) return c.json({ error: error.message }, 503);
    console.error(error);
    return c.json({ error: "internal server error" }, 500);
  });

  return { app, jobs };
}

function tooLarge(): never {
  throw new HTTPException(413, { message: "the body is too large" });
}
