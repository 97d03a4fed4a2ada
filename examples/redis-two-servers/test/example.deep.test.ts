import { describe, expect, test } from "vitest";
import { applicationEvents } from "../../common/test/follow.ts";
import { until } from "../../common/test/until.ts";
import { type JobReader, readJob } from "./read-job.ts";
import { hasRedis, type RunningExample, runExample } from "./run-example.ts";

interface StartedJob {
  readonly id: string;
  readonly a: JobReader;
  readonly b: JobReader;
}

/** Starts a job through one server; it is read through both. */
async function startJob(example: RunningExample, by: "a" | "b", steps?: number): Promise<StartedJob> {
  const body = JSON.stringify({ steps });
  const response = await fetch(`${example.urlOf(by)}/jobs`, { method: "POST", body });
  expect(response.status).toBe(201);
  const { id, stream } = (await response.json()) as { id: string; stream: string };
  return { id, a: readJob(example.urlOf("a") + stream), b: readJob(example.urlOf("b") + stream) };
}

const steps = ({ received }: JobReader): number[] =>
  received.filter(({ event }) => event === "step").map(({ data }) => data.step);

/** Waits until so many steps more have come to all of these. */
async function untilMore(readers: readonly JobReader[], more: number): Promise<void> {
  const goals = readers.map((reader) => steps(reader).length + more);
  await until(() => readers.every((reader, index) => steps(reader).length >= (goals[index] as number)));
}

/** Every event once and in order, whatever happened on the way. */
function expectWhole(reader: JobReader): void {
  const told = steps(reader);
  expect(told).toEqual(told.map((_, index) => index + 1));
  const numbers = applicationEvents([...reader.received]).map(({ id }) => Number(id?.split(".")[1]));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(reader.received.filter(({ event }) => event === "stream.reset")).toEqual([]);
  expect(reader.received.filter(({ event }) => event === "stream.end")).toHaveLength(1);
}

describe.skipIf(!hasRedis)("the example", () => {
  test("every event comes once, whatever is killed or flushed, and a dead worker's job is lost", async () => {
    const example = await runExample();

    // The worker is killed in the middle of a job. What comes next waits for another one.
    const first = await startJob(example, "a");
    await untilMore([first.a, first.b], 10);
    await example.kill("worker");
    const second = await startJob(example, "b");
    await until(() => second.a.received.some(({ data }) => data.state === "waiting"));
    await example.start("worker");
    await untilMore([second.a, second.b], 10);

    // A web server is killed: the other does not notice, and who read through it comes back to every event.
    await example.kill("a");
    const { returns } = second.b;
    await untilMore([second.b], 10);
    expect(steps(second.b).length).toBeGreaterThan(steps(second.a).length);
    await example.start("a");
    await untilMore([second.a, second.b], 10);
    expect(second.a.returns).toBeGreaterThan(0);
    expect(second.b.returns).toBe(returns);

    // Nobody has heard of the first worker for too long.
    expect(await Promise.all([first.a.ended, first.b.ended])).toEqual(["lost", "lost"]);

    // Redis loses everything: nobody notices. Then the job is cancelled, and another one runs to its end.
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
      expectWhole(a);
      expectWhole(b);
      expect(steps(a)).toEqual(steps(b));
    }
  });
});
