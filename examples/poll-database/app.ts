import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createCounters, type Registry, sse } from "@holdfast/express";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import type { JobEvents } from "./events.ts";
import { createJobs, type JobsOptions } from "./jobs.ts";
import type { JobTable } from "./job-table.ts";
import { Reads } from "./reads.ts";

export interface AppOptions extends Omit<JobsOptions, "observer"> {
  /** Delays each read while reads are slow. @default 2 s */
  readonly delay?: (signal: AbortSignal) => Promise<unknown>;
}

/** The demo: a page with switches for faults, a table of jobs for the workers, and a stream for each job. */
export function createApp(
  table: JobTable,
  { delay, ...options }: AppOptions = {},
): { readonly app: Express; readonly jobs: Registry<JobEvents>; readonly reads: Reads } {
  const reads = new Reads(table, delay);
  const counters = createCounters();
  const jobs = createJobs(reads, {
    polling: { backoff: { base: 1_000, cap: 4_000 } },
    // How long an ended stream is kept, and how long a polling loop runs without readers: short, so that both can be
    // observed.
    linger: 5_000,
    ...options,
    observer: counters,
  });
  const app = express();
  app.use(express.json());

  app.post("/jobs", (req, res) => {
    const { slices = 40 } = (req.body ?? {}) as { slices?: unknown };
    if (typeof slices !== "number" || !Number.isInteger(slices) || slices < 1 || slices > 1_000) {
      res
        .status(400)
        .json({ error: `"slices" must be an integer from 1 to 1000, not ${JSON.stringify(slices)}` });
      return;
    }
    const id = randomUUID();
    table.add(id, slices);
    res.status(201).json({ id, stream: `/jobs/${id}/stream` });
  });

  app.get("/jobs/:id/stream", (req, res) => sse(req, res, jobs.stream(req.params.id)));

  app.delete("/jobs/:id", (req, res) => {
    if (table.remove(req.params.id)) res.status(204).end();
    else res.status(404).json({ error: "there is no such row" });
  });

  app.put("/faults", (req, res) => {
    const { down = reads.down, slow = reads.slow } = (req.body ?? {}) as { down?: unknown; slow?: unknown };
    reads.down = down === true;
    reads.slow = slow === true;
    res.json({ down: reads.down, slow: reads.slow });
  });

  app.get("/jobs/:id/stats", (req, res) => {
    const { down, slow, made, failed, loops } = reads;
    const job = table.find(req.params.id, 0);
    res.json({
      faults: { down, slow },
      polling: { loops, made, failed },
      row: job && { state: job.state, events: job.events.length },
      gauges: jobs.gauges(),
      counters: counters.read(),
    });
  });

  app.use(express.static(join(import.meta.dirname, "public")));
  app.use(express.static(join(import.meta.dirname, "../common/page")));

  app.use((error: Error & { readonly status?: number }, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const { status = 500, message } = error;
    if (status >= 500) console.error(error);
    res.status(status).json({ error: status < 500 ? message : "internal server error" });
  });

  return { app, jobs, reads };
}
