import type { Redis } from "./redis.ts";

const KEY = "holdfast-example:queue";
/** How long one question waits for an answer, in s: less than the client's `socketTimeout`. */
const PATIENCE = 2;

export interface Task {
  readonly id: string;
  readonly steps: number;
}

/**
 * How the worker gets its work. This is not holdfast's part: any queue does. This one is a list in Redis, and forgets
 * what a worker has taken and not done; what its readers then see is `lost`.
 */
export async function enqueue(client: Redis, task: Task): Promise<void> {
  await client.rPush(KEY, JSON.stringify(task));
}

/** @param client one that nobody else uses: what it sends meanwhile waits for the answer */
export async function take(client: Redis): Promise<Task | undefined> {
  const taken = await client.blPop(KEY, PATIENCE);
  return taken === null ? undefined : JSON.parse(taken.element);
}
