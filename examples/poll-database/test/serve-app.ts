import type { Registry } from "@holdfast/express";
import { type AppOptions, createApp } from "../app.ts";
import type { JobEvents } from "../events.ts";
import type { JobTable } from "../job-table.ts";
import type { Reads } from "../reads.ts";
import { type Listening, listen } from "./listen.ts";

export interface ServedApp extends Listening {
  readonly jobs: Registry<JobEvents>;
  readonly reads: Reads;
}

/** Serves the app over HTTP until the test is finished. It polls every 2 ms and keeps no ended streams. */
export async function serveApp(table: JobTable, options: AppOptions = {}): Promise<ServedApp> {
  const { app, jobs, reads } = createApp(table, {
    polling: { interval: 2, backoff: { base: 2, cap: 2 } },
    linger: 0,
    ...options,
  });
  const listening = await listen(app, () => jobs.close({ deadline: 0 }));
  return { ...listening, jobs, reads };
}
