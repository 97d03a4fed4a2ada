import type { Snapshot } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import type { Http1Client } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { cursorOf, eventNames, type Service, startService, userEvents } from "./service.ts";

/*
 * Scenario: the work takes no time. Whether it is done before its client connects, meanwhile or afterwards, and whether the
 * stream is still in memory or only in the database, the client receives the tokens and `done`.
 * Covers registry/ and stream/ of core: the stream look-up, the snapshot prefix, waiting clients and the removal of streams.
 */

const TOKENS = ["Hold", "fast", "!"];
const RESULT = [...TOKENS.map((data) => ({ event: "token", data })), { event: "done", data: "Holdfast!" }];
const EXPECTED = ["token Hold", "token fast", "token !", "done Holdfast!"];

/** A service whose database has a pending job, and later its result. */
interface JobService extends Service {
  /** Does all of the work at once. */
  readonly doWork: () => Promise<void>;
  /** From now on the database reads at once and answers when released. */
  readonly holdAnswers: () => { readonly asked: Promise<void>; readonly release: () => void };
}

async function startJobService(linger: number): Promise<JobService> {
  let row: Snapshot<Record<string, unknown>> = { state: "pending" };
  let hold: { asked: () => void; released: Promise<void> } | undefined;
  const service = await startService(() => ({
    linger,
    snapshot: async () => {
      const current = row;
      hold?.asked();
      await hold?.released;
      return current;
    },
  }));
  return {
    ...service,
    async doWork() {
      const job = await service.registry.open("job");
      for (const event of RESULT) job.push(event);
      row = { state: "done", events: RESULT };
      await job.end();
      // Without `linger` the stream is removed at once.
      await service.clock.advance(0);
    },
    holdAnswers() {
      const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      hold = { asked: asked.resolve, released: released.promise };
      return { asked: asked.promise, release: released.resolve };
    },
  };
}

async function expectWholeResult(client: Http1Client): Promise<void> {
  await client.finished();
  expect(userEvents(client)).toEqual(EXPECTED);
  expect(eventNames(client).at(-1)).toBe("stream.end");
  expect(eventNames(client)).not.toContain("stream.error");
}

describe.each([
  ["and the stream lingers", 60_000],
  ["and only the database has the result", 0],
])("the work is done at once, %s", (_when, linger) => {
  test("before the client connects", async () => {
    const { doWork, connect } = await startJobService(linger);
    await doWork();
    await expectWholeResult(await connect("job"));
  });

  test("long before the client connects", async () => {
    const { doWork, connect, clock, registry } = await startJobService(linger);
    await doWork();
    await clock.advance(3_600_000);
    expect(registry.size).toBe(0);
    await expectWholeResult(await connect("job"));
  });

  test("between a look-up and its answer, which was read before", async () => {
    const { doWork, send, holdAnswers } = await startJobService(linger);
    const { asked, release } = holdAnswers();
    const client = send("job");
    await asked;
    await doWork();
    release();
    await expectWholeResult(client);
  });

  test("between a look-up and its answer, which comes after the client began to wait", async () => {
    const { doWork, connect, holdAnswers, clock, registry } = await startJobService(linger);
    const { asked, release } = holdAnswers();
    const coming = connect("job");
    await asked;
    await clock.advance(1_000);
    const client = await coming;
    expect(registry.gauges().waiting).toBe(1);
    await doWork();
    release();
    await expectWholeResult(client);
  });

  test("while the client waits", async () => {
    const { doWork, connect, registry } = await startJobService(linger);
    const client = await connect("job");
    await client.until("waiting");
    expect(registry.gauges().waiting).toBe(1);
    await doWork();
    await expectWholeResult(client);
  });

  test("while the client waits, and another stream of the same id is opened in the same turn", async () => {
    const { connect, registry } = await startJobService(linger);
    const client = await connect("job");
    await client.until("waiting");
    const [first, second] = [registry.open("job"), registry.open("other")];
    for (const event of RESULT) (await first).push(event);
    await (await first).end();
    const next = await registry.open("job");
    next.push({ event: "token", data: "of the next stream" });
    await expectWholeResult(client);
    await (await second).end();
  });

  test("between the drain of a client that waited too long and its reconnect", async () => {
    const { doWork, connect, clock } = await startJobService(linger);
    const client = await connect("job");
    await client.until("waiting");
    await clock.advance(90_000);
    await client.finished();
    expect(eventNames(client).at(-1)).toBe("stream.drain");
    await doWork();
    const back = await connect("job", cursorOf(client));
    // The last snapshot is still fresh; the next one follows within this time.
    await clock.advance(2_400);
    await expectWholeResult(back);
  });

  test("after the client is live", async () => {
    const { connect, registry } = await startJobService(linger);
    const job = await registry.open("job");
    const client = await connect("job");
    await client.until("stream.live");
    for (const event of RESULT) job.push(event);
    await job.end();
    await expectWholeResult(client);
  });

  test("a client that reconnects with the terminal id receives a 204", async () => {
    const { doWork, connect } = await startJobService(linger);
    await doWork();
    const client = await connect("job");
    await client.finished();
    expect((await connect("job", cursorOf(client))).status).toBe(204);
  });
});

test("the work is done while the database still says `running`: the client waits until the database has the result", async () => {
  let row: Snapshot<Record<string, unknown>> = { state: "running" };
  const { registry, clock, connect } = await startService(() => ({ linger: 0, snapshot: () => row }));
  const job = await registry.open("job");
  for (const event of RESULT) job.push(event);
  await job.end();
  await clock.advance(0);
  const client = await connect("job");
  await client.until("waiting");
  await clock.advance(5_000);
  row = { state: "done", events: RESULT };
  await clock.advance(2_400);
  await expectWholeResult(client);
  await eventually(() => expect(registry.gauges().connections).toBe(0));
});
