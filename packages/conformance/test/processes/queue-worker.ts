/*
 * A worker of a BullMQ queue. Its jobs fail at random, and go on where their stream is when they are run again.
 */
import { createRegistry, HoldfastError, type StreamEvent, type StreamWriter } from "@holdfast/core";
import { type Job, Worker } from "bullmq";
import { Redis } from "ioredis";
import { setTimeout as pause } from "node:timers/promises";
import { redisStore } from "../../../redis/src/index.ts";
import { randomFrom } from "../support/seeded-random.ts";
import { fastClock, storeOnFastClock } from "./fast-clock.ts";
import type { QueueJob, QueueWorkerOptions } from "./queue.ts";

/** How likely a job fails before its next event. */
const FAILURE_RATE = 0.05;
/** The longest pause before an event, in ms. */
const MAX_PAUSE = 30;
/** A job saves a checkpoint after so many events. */
const CHECKPOINT = 10;

const { redisPort, seed } = JSON.parse(process.argv[2] as string) as QueueWorkerOptions;
const random = randomFrom(seed);
const client = new Redis(redisPort, { maxRetriesPerRequest: null });
const observer = { failed: () => undefined, warned: () => undefined };
const registry = createRegistry<{ message: number }>({
  store: storeOnFastClock(redisStore({ client, observer })),
  retryWindow: 3_600_000,
  clock: fastClock,
  observer,
});

async function* produce(
  job: Job<QueueJob>,
  writer: StreamWriter<{ message: number }>,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent<{ message: number }>> {
  // A checkpoint never promises more than what is stored.
  if (Number(job.progress) > writer.last) throw new Error(`${Number(job.progress)} events are not stored.`);
  for (let number = writer.last + 1; number <= job.data.events; number++) {
    await pause(MAX_PAUSE * random(), undefined, { signal });
    if (random() < FAILURE_RATE) throw new Error("It fails at random.");
    yield { data: number };
    if (number % CHECKPOINT > 0) continue;
    await writer.flush();
    await job.updateProgress(writer.last);
  }
}

const worker = new Worker<QueueJob>(
  "jobs",
  async (job) => {
    try {
      const writer = await registry.open(job.id as string, { ifExists: "append" });
      const status = await writer.pipe(({ signal }) => produce(job, writer, signal));
      if (status !== "done") throw new Error(`The stream is ${status}.`);
    } catch (error) {
      // Its worker was killed between the end of the stream and the end of the job.
      if (!HoldfastError.is(error) || error.code !== "STREAM_ENDED") throw error;
    }
  },
  {
    connection: client,
    concurrency: 25,
    // Longer than a lease on the fast clock, so that readers are told of an interruption first.
    lockDuration: 5_000,
    stalledInterval: 500,
    maxStalledCount: 1_000,
  },
);
worker.on("error", () => undefined);
process.on("disconnect", () => process.exit());
await worker.waitUntilReady();
process.send?.("ready");
