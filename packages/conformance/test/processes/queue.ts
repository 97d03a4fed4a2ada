import { fork } from "node:child_process";
import { once } from "node:events";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { onTestFinished } from "vitest";

export interface QueueJob {
  /** How many events its stream has. */
  readonly events: number;
}

export interface QueueWorkerOptions {
  readonly redisPort: number;
  readonly seed: number;
}

/** A client of the queue that the workers serve, until the test is finished. */
export function connectQueue(redisPort: number): Queue<QueueJob> {
  const client = new Redis(redisPort, { maxRetriesPerRequest: null });
  onTestFinished(() => client.disconnect());
  return new Queue("jobs", { connection: client });
}

/** The process that runs `queue-worker.ts`, seen from its parent. */
export interface QueueWorker {
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a worker, until the test is finished. */
export async function startQueueWorker(options: QueueWorkerOptions): Promise<QueueWorker> {
  const child = fork(new URL("./queue-worker.ts", import.meta.url), [JSON.stringify(options)], {
    execArgv: ["--conditions=@holdfast/source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  await Promise.race([once(child, "message"), exited.then(([code]) => Promise.reject(new Error(`${code}`)))]);
  return {
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
