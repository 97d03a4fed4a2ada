import { join } from "node:path";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { runServer } from "../../common/test/run-server.ts";
import { until } from "../../common/test/until.ts";
import { textOfChapter } from "../text-of-chapter.ts";
import { type ReportReader, readReport } from "./report-reader.ts";
import { hasRedis, type RunningExample, runExample } from "./run-example.ts";

const TOPIC = "the weather";
const REPORT = [1, 2, 3, 4, 5].map((number) => textOfChapter(TOPIC, number));

/** The whole report arrived, each event once, whatever happened to its workers. */
async function expectWhole({ ended, chapters, numbers, resets }: ReportReader): Promise<void> {
  expect(await ended).toBe("done");
  expect(chapters).toEqual(REPORT);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(resets).toEqual([]);
}

const untilChapter = ({ begun }: ReportReader, number: number): Promise<void> =>
  until(() => begun.at(-1)?.number === number);

/** A client of the Redis of an example, until the test is finished. */
function connectTo({ redis }: RunningExample): Redis {
  const client = new Redis(redis.port, { maxRetriesPerRequest: null });
  onTestFinished(() => client.disconnect());
  return client;
}

describe.skipIf(!hasRedis)("the example with a queue", () => {
  test("a worker is killed in the middle of a report: its readers see one report, and its end once", async () => {
    const example = await runExample();
    const id = await example.order(TOPIC);
    const url = `${example.url}/reports/${id}`;
    const readers = [readReport(url), readReport(url)] as const;
    // Over one connection: nothing is cut, since the web server goes on.
    const body = fetch(url).then((response) => response.text());

    await untilChapter(readers[0], 3);
    const killed = readers[0].begun.at(-1)?.pid as number;
    process.kill(killed, "SIGKILL");
    await until(() => readers[0].begun.at(-1)?.pid !== killed);
    const late = readReport(url);

    for (const reader of [...readers, late]) await expectWhole(reader);
    const ends = [...(await body).matchAll(/^event: stream\.(end|reset)\n/gm)].map(([, name]) => name);
    expect(ends).toEqual(["end"]);
    expect(await body).toMatch(/"status":"done"}\n\n$/);
    // What was finished and stored is not written again.
    const { begun } = late;
    expect(begun.map(({ number }) => number)).toEqual([1, 2, 3, 3, 4, 5]);
    expect(begun.map(({ pid }) => pid === killed).slice(2, 4)).toEqual([true, false]);
  });

  test("the model fails, again and again: the readers wait in between", async () => {
    const example = await runExample();
    const id = await example.order(TOPIC);
    const reader = readReport(`${example.url}/reports/${id}`);
    for (let run = 1; run <= 3; run++) {
      await until(() => reader.begun.some((chapter) => chapter.run === run));
      const { length } = reader.states;
      await example.cause(id, "fail");
      await until(() => reader.states.slice(length).includes("waiting"));
    }
    await expectWhole(reader);
    expect(reader.begun.at(-1)?.run).toBe(4);
  });

  test("the model fails until no run is left: the report has failed, for a late reader too", async () => {
    const example = await runExample();
    const id = await example.order(TOPIC);
    const client = connectTo(example);
    const queue = new Queue("reports", { connection: client });
    const reader = readReport(`${example.url}/reports/${id}`);
    for (let run = 1; run <= 5; run++) {
      await until(() => reader.begun.some((chapter) => chapter.run === run));
      // Its next run begins at once.
      await example.cause(id, "fail");
      if (run < 5) await until(() => reader.states.at(-1) === "waiting");
      await queue.getJob(id).then((job) => job?.promote().catch(() => undefined));
    }
    expect(await reader.ended).toBe("failed");
    await client.del(...(await client.keys("hf:*")));
    expect(await readReport(`${await otherServer(example)}/reports/${id}`).ended).toBe("failed");
  });

  test("all processes are restarted: the report goes on, and the run that was stopped does not count", async () => {
    const example = await runExample();
    const id = await example.order(TOPIC);
    const reader = readReport(`${example.url}/reports/${id}`);
    await untilChapter(reader, 1);
    await example.restart();
    await expectWhole(reader);
    expect(reader.begun.at(-1)?.run).toBe(2);
    const queue = new Queue("reports", { connection: connectTo(example) });
    await until(async () => (await queue.getJobState(id)) === "completed");
    expect((await queue.getJob(id))?.attemptsMade).toBe(1);
  });

  test("a reader that comes when the events are gone gets the report from the queue", async () => {
    const example = await runExample();
    const id = await example.order(TOPIC);
    await expectWhole(readReport(`${example.url}/reports/${id}`));
    const client = connectTo(example);
    const queue = new Queue("reports", { connection: client });
    await until(async () => (await queue.getJobState(id)) === "completed");
    await client.del(...(await client.keys("hf:*")));
    const late = readReport(`${await otherServer(example)}/reports/${id}`);
    await expectWhole(late);
    expect(late.begun).toEqual([]);
  });

  test("a report is cancelled while it is written, while it waits for its next run, or before its first", async () => {
    const example = await runExample();
    const cancel = async (id: string): Promise<void> => {
      const response = await fetch(`${example.url}/reports/${id}`, { method: "DELETE" });
      expect(response.status).toBe(204);
    };
    const written = await example.order(TOPIC);
    const first = readReport(`${example.url}/reports/${written}`);
    await untilChapter(first, 1);
    await cancel(written);
    expect(await first.ended).toBe("cancelled");

    const waiting = await example.order(TOPIC);
    const second = readReport(`${example.url}/reports/${waiting}`);
    await untilChapter(second, 1);
    await example.cause(waiting, "fail");
    await until(() => second.states.at(-1) === "waiting");
    await cancel(waiting);
    expect(await second.ended).toBe("cancelled");

    const queue = new Queue("reports", { connection: connectTo(example) });
    await queue.pause();
    const queued = await example.order(TOPIC);
    const third = readReport(`${example.url}/reports/${queued}`);
    await until(() => third.states.at(-1) === "waiting");
    await cancel(queued);
    expect(await third.ended).toBe("lost");

    for (const id of [written, queued, "unknown"]) {
      const response = await fetch(`${example.url}/reports/${id}`, { method: "DELETE" });
      expect(response.status).toBe(404);
    }
    expect((await fetch(`${example.url}/reports/unknown`)).status).toBe(404);
  });
});

/** Starts another web server on the Redis of an example. */
async function otherServer({ redis }: RunningExample): Promise<string> {
  const env = { PORT: "0", REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  return runServer(join(import.meta.dirname, "../web.ts"), env).firstLine("stdout");
}
