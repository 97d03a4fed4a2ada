import { describe, expect, test } from "vitest";
import { applicationEvents } from "../../common/test/follow.ts";
import { readStream, type StreamReader } from "../../common/test/reconnecting-reader.ts";
import { until } from "../../common/test/until.ts";
import { hasRedis, type RunningExample, runExample } from "./run-example.ts";

interface StartedJob {
  readonly id: string;
  readonly a: StreamReader;
  readonly b: StreamReader;
}

/** Starts a job on one server and reads it through both. */
async function startJob(example: RunningExample, by: "a" | "b", steps?: number): Promise<StartedJob> {
  const body = JSON.stringify({ steps });
  const response = await fetch(`${example.urlOf(by)}/jobs`, { method: "POST", body });
  expect(response.status).toBe(201);
  const { id, stream } = (await response.json()) as { id: string; stream: string };
  return { id, a: readStream(example.urlOf("a") + stream), b: readStream(example.urlOf("b") + stream) };
}

const steps = ({ received }: StreamReader): number[] =>
  received.filter(({ event }) => event === "step").map(({ data }) => data.step);

/** Waits until each reader has received so many more steps. */
async function untilMore(readers: readonly StreamReader[], more: number): Promise<void> {
  const targets = readers.map((reader) => steps(reader).length + more);
  await until(() => readers.every((reader, index) => steps(reader).length >= (targets[index] as number)));
}

/** Checks that the reader received every event once, in order and without a reset. */
function expectComplete(reader: StreamReader): void {
  const received = steps(reader);
  expect(received).toEqual(received.map((_, index) => index + 1));
  const numbers = applicationEvents([...reader.received]).map(({ id }) => Number(id?.split(".")[1]));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(reader.received.filter(({ event }) => event === "stream.reset")).toEqual([]);
  expect(reader.received.filter(({ event }) => event === "stream.end")).toHaveLength(1);
}

describe.skipIf(!hasRedis)("the example with two servers", () => {
  test("every event arrives once, whatever is killed or flushed, and the job of a killed worker is lost", async () => {
    const example = await runExample();

    // The worker is killed in the middle of a job. The next job waits for a new worker.
    const first = await startJob(example, "a");
    await untilMore([first.a, first.b], 10);
    await example.kill("worker");
    const second = await startJob(example, "b");
    await until(() => second.a.received.some(({ data }) => data.state === "waiting"));
    await example.start("worker");
    await untilMore([second.a, second.b], 10);

    // A web server is killed. The reader on the other server is not affected, and its own reader reconnects.
    await example.kill("a");
    const { reconnects } = second.b;
    await untilMore([second.b], 10);
    expect(steps(second.b).length).toBeGreaterThan(steps(second.a).length);
    await example.start("a");
    await untilMore([second.a, second.b], 10);
    expect(second.a.reconnects).toBeGreaterThan(0);
    expect(second.b.reconnects).toBe(reconnects);

    // The lease of the first worker has expired.
    expect(await Promise.all([first.a.ended, first.b.ended])).toEqual(["lost", "lost"]);

    // Redis loses all keys, and no reader is affected. Then this job is cancelled, and another one runs to its end.
    expect(await example.flush()).toBeGreaterThan(0);
    await untilMore([second.a, second.b], 20);
    const cancelled = await fetch(`${example.urlOf("a")}/jobs/${second.id}`, { method: "DELETE" });
    expect(cancelled.status).toBe(204);
    expect(await Promise.all([second.a.ended, second.b.ended])).toEqual(["cancelled", "cancelled"]);

    const third = await startJob(example, "a", 5);
    expect(await Promise.all([third.a.ended, third.b.ended])).toEqual(["done", "done"]);
    expect(applicationEvents([...third.b.received]).at(-1)).toMatchObject({
      event: "done",
      data: { steps: 5 },
    });

    for (const { a, b } of [first, second, third]) {
      expectComplete(a);
      expectComplete(b);
      expect(steps(a)).toEqual(steps(b));
    }
  });
});
