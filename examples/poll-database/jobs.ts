import {
  createRegistry,
  poll,
  type PollOptions,
  type Registry,
  type RegistrySettings,
} from "@holdfast/express";
import type { JobEvents } from "./events.ts";
import type { Reads } from "./reads.ts";

export interface JobsOptions extends RegistrySettings {
  readonly polling?: Pick<PollOptions<never, never>, "interval" | "backoff">;
}

/** One stream per job. One loop polls the table for all readers; ended jobs are served from the table. */
export function createJobs(reads: Reads, { polling, ...settings }: JobsOptions = {}): Registry<JobEvents> {
  return createRegistry<JobEvents>({
    ...settings,
    async snapshot(id, { signal }) {
      const job = await reads.find(id, 0, signal);
      if (job?.state === "done") return { state: "done", events: job.events };
      return job && { state: job.state };
    },
    source(id, { signal: stopped }) {
      const events = poll({
        ...polling,
        signal: stopped,
        cursor: 0,
        async read(after, { signal }) {
          const job = await reads.find(id, after, signal);
          if (job === undefined) return null;
          return { events: job.events, cursor: after + job.events.length, done: job.state === "done" };
        },
      });
      return reads.loop(events);
    },
  });
}
