import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { connectQueue, type QueueWorker, startQueueWorker } from "./queue.ts";
import { connectClient, connectStandardClient } from "./recording-client.ts";
import { expectSameEvents, startTwoServers } from "./two-servers.ts";

const JOBS = 200;
const EVENTS = 40;
const WORKERS = 3;
const KILLS = 9;
/** Longer than most waits, because the job of a killed worker is run again only when its lock has expired. */
const LIMIT = 240_000;

/*
 * Scenario: a queue runs its jobs again when they have failed, and when their worker was killed. Covers interrupted streams
 * in store/ of core and in the store of the package redis.
 */

describe.skipIf(redisBinary === undefined)("a queue whose jobs are run again", { timeout: 600_000 }, () => {
  test("two hundred readers get two hundred results, and none gets an end before", async () => {
    const random = seededRandom();
    const { redis, first, second } = await startTwoServers();
    const queue = connectQueue(redis.port);
    const startWorker = (): Promise<QueueWorker> =>
      startQueueWorker({ redisPort: redis.port, seed: Math.floor(random() * 2 ** 32) });
    const workers = await Promise.all(Array.from({ length: WORKERS }, startWorker));

    const ids = Array.from({ length: JOBS }, (_, index) => `job-${index}`);
    const connect = (id: string, index: number): ReturnType<typeof connectClient> => {
      const { port } = index % 2 === 0 ? first : second;
      return (index % 4 < 2 ? connectClient : connectStandardClient)(() => port, `/streams/${id}`);
    };
    // Half of them come before their job is in the queue.
    const early = ids.slice(0, JOBS / 2).map(connect);
    const options = { attempts: 1_000, backoff: { type: "fixed", delay: 100 } };
    await queue.addBulk(
      ids.map((jobId) => ({ name: "job", data: { events: EVENTS }, opts: { ...options, jobId } })),
    );
    const readers = [...early, ...ids.slice(JOBS / 2).map((id, index) => connect(id, JOBS / 2 + index))];

    const received = (): number => readers.reduce((sum, { events }) => sum + events.length, 0);
    const endedEarly = (): readonly unknown[] =>
      readers.filter(({ ends, events }) => ends.length > 0 && events.length < EVENTS);
    for (let kill = 1; kill <= KILLS; kill++) {
      const soFar = (JOBS * EVENTS * kill) / (KILLS + 2);
      await eventually(() => expect(received() > soFar || endedEarly().length > 0).toBe(true), LIMIT);
      expect(endedEarly()).toEqual([]);
      const index = Math.floor(random() * WORKERS);
      await workers[index]?.kill();
      workers[index] = await startWorker();
    }

    await eventually(() => expect(readers.filter(({ ends }) => ends.length === 0)).toEqual([]), LIMIT);
    for (const reader of readers) expect(await expectSameEvents([reader], "done")).toHaveLength(EVENTS);
    // The queue agrees, and there was something to survive.
    await eventually(async () => expect(await queue.getCompletedCount()).toBe(JOBS), LIMIT);
    const jobs = await queue.getCompleted(0, JOBS);
    const sum = (count: (job: (typeof jobs)[number]) => number): number =>
      jobs.reduce((total, job) => total + count(job), 0);
    const failures = sum(({ attemptsMade }) => attemptsMade - 1);
    const deaths = sum(({ stalledCounter }) => stalledCounter);
    console.log(`${failures} runs failed, and ${deaths} died with their worker.`);
    expect(failures).toBeGreaterThan(JOBS);
    expect(deaths).toBeGreaterThan(KILLS);
    expect(readers.some(({ states }) => states.includes("waiting") || states.includes("error"))).toBe(true);
  });
});
