import { createRegistry, type Registry, type Snapshot } from "@holdfast/hono";
import { redisStore } from "@holdfast/redis";
import { Queue } from "bullmq";
import { Redis } from "ioredis";

/** The events of a report, by name. */
export interface ReportEvents {
  /** A chapter begins. If it has begun before, it is written anew, and replaces what there is of it. */
  chapter: { readonly number: number; readonly of: number; readonly run: number; readonly pid: number };
  token: string;
  /** The whole report, for readers that come when its events are no longer kept. */
  report: readonly string[];
}

/** What the queue keeps of a report. */
export interface ReportJob {
  readonly topic: string;
  /** How many chapters are finished, and the number of the last event of them. */
  readonly finished: number;
  readonly at: number;
}

/** The text of each chapter; `null` for a report that was cancelled. */
export type ReportResult = readonly string[] | null;

export const client: Redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", {
  maxRetriesPerRequest: null, // BullMQ requires it
  socketTimeout: 15_000, // longer than the 10 s for which a command of BullMQ may block
});
client.on("error", (error) => console.error("Redis:", error));

export const queue: Queue<ReportJob, ReportResult> = new Queue("reports", {
  connection: client,
  defaultJobOptions: { attempts: 5, backoff: { type: "exponential", delay: 1_000 } },
});

export const reports: Registry<ReportEvents> = createRegistry<ReportEvents>({
  store: redisStore({ client }),
  retryWindow: 60_000,
  snapshot: findInQueue,
});

async function findInQueue(id: string): Promise<Snapshot<ReportEvents> | undefined> {
  const state = await queue.getJobState(id);
  if (state === "unknown") return undefined; // no such report: 404
  if (state === "failed") return { state: "failed", events: [] };
  if (state !== "completed") return { state: "running" }; // also while it waits for its next run
  const chapters = (await queue.getJob(id))?.returnvalue;
  if (!chapters) return { state: "cancelled", events: [] };
  return { state: "done", events: [{ event: "report", data: chapters }] };
}
