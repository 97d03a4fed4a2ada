import { setTimeout } from "node:timers/promises";
import { createJobs } from "./jobs.ts";
import { dequeue, type Task } from "./queue.ts";
import { createRedis } from "./redis.ts";
import { work } from "./work.ts";

/** How long the worker waits after an error of the queue. */
const RETRY_MS = 500;

const client = createRedis(process.env.REDIS_URL as string);
const queue = client.duplicate();
queue.on("error", () => undefined); // The other client logs the same error.
await Promise.all([client.connect(), queue.connect()]);
const jobs = createJobs(client);

async function run({ id, steps }: Task): Promise<void> {
  try {
    const job = await jobs.open(id);
    await job.pipe(({ signal }) => work(steps, signal));
  } catch (error) {
    console.error(`Job ${id} could not be opened:`, error);
  }
}

// The process that started this one has exited.
process.once("disconnect", () => process.exit());
process.send?.({});

for (;;) {
  try {
    const task = await dequeue(queue);
    if (task !== undefined) void run(task);
  } catch {
    await setTimeout(RETRY_MS);
  }
}
