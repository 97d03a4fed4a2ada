import type { Redis } from "./redis.ts";

const KEY = "holdfast-example:queue";
/** How long one BLPOP blocks, in s. It must be less than the client's `socketTimeout`. */
const BLOCK_SECONDS = 2;

export interface Task {
  readonly id: string;
  readonly steps: number;
}

/**
 * The queue from which the worker takes its tasks. It is not part of holdfast; any queue works. This one is a list in
 * Redis. A task that a worker has taken and not finished is gone, and the readers of its job get the status `lost`.
 */
export async function enqueue(client: Redis, task: Task): Promise<void> {
  await client.rPush(KEY, JSON.stringify(task));
}

/** @param client a dedicated connection, because BLPOP blocks all later commands on it */
export async function dequeue(client: Redis): Promise<Task | undefined> {
  const entry = await client.blPop(KEY, BLOCK_SECONDS);
  return entry === null ? undefined : JSON.parse(entry.element);
}
