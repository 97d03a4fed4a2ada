import type { Snapshot } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import type { Http1Client } from "../../src/wire/http1.ts";
import { deferred } from "../support/deferred.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { cursorOf, heardBy, type Stage, stage, toldTo } from "./stage.ts";

/*
 * The work is done in an instant. Whenever that is, before its client attaches, on the way, or after, and whether the
 * stream is still held or only the database knows of it: the client gets its tokens and `done`.
 */

const TOKENS = ["Hold", "fast", "!"];
const RESULT = [...TOKENS.map((data) => ({ event: "token", data })), { event: "done", data: "Holdfast!" }];
const EXPECTED = ["token Hold", "token fast", "token !", "done Holdfast!"];

/** What the database says: a job that waits for its turn, and then its result. */
interface Scene extends Stage {
  /** All of the work, in one instant. */
  readonly work: () => Promise<void>;
  /** Holds the database's answers back, as they are now. */
  readonly hold: () => { readonly asked: Promise<void>; readonly release: () => void };
}

async function scene(linger: number): Promise<Scene> {
  let row: Snapshot<Record<string, unknown>> = { state: "pending" };
  let held: { asked: () => void; until: Promise<void> } | undefined;
  const place = await stage(() => ({
    linger,
    snapshot: async () => {
      const asItIs = row;
      held?.asked();
      await held?.until;
      return asItIs;
    },
  }));
  return {
    ...place,
    async work() {
      const job = await place.registry.open("job");
      for (const event of RESULT) job.push(event);
      row = { state: "done", events: RESULT };
      await job.end();
      // With no linger it is forgotten on the spot.
      await place.clock.advance(0);
    },
    hold() {
      const [asked, released] = [deferred(), deferred()];
      held = { asked: asked.resolve, until: released.promise };
      return { asked: asked.promise, release: released.resolve };
    },
  };
}

async function expectAll(client: Http1Client): Promise<void> {
  await client.over();
  expect(toldTo(client)).toEqual(EXPECTED);
  expect(heardBy(client).at(-1)).toBe("stream.end");
  expect(heardBy(client)).not.toContain("stream.error");
}

describe.each([
  ["while the stream lingers", 60_000],
  ["when the stream is forgotten at once, and only the database knows", 0],
])("the work is done in an instant, %s", (_when, linger) => {
  test("before the client connects", async () => {
    const { work, come } = await scene(linger);
    await work();
    await expectAll(await come("job"));
  });

  test("long before the client connects", async () => {
    const { work, come, clock, registry } = await scene(linger);
    await work();
    await clock.advance(3_600_000);
    expect(registry.size).toBe(0);
    await expectAll(await come("job"));
  });

  test("between the look-up and its answer, which knows nothing of it yet", async () => {
    const { work, send, hold } = await scene(linger);
    const { asked, release } = hold();
    const client = send("job");
    await asked;
    await work();
    release();
    await expectAll(client);
  });

  test("between the look-up and an answer that comes after the wait has begun", async () => {
    const { work, come, hold, clock, registry } = await scene(linger);
    const { asked, release } = hold();
    const coming = come("job");
    await asked;
    await clock.advance(1_000);
    const client = await coming;
    expect(registry.gauges().waiting).toBe(1);
    await work();
    release();
    await expectAll(client);
  });

  test("while the client waits: between the end of its wait and its attaching there is nothing", async () => {
    const { work, come, registry } = await scene(linger);
    const client = await come("job");
    await client.until("waiting");
    expect(registry.gauges().waiting).toBe(1);
    await work();
    await expectAll(client);
  });

  test("while the client waits, and its id is taken by the next in the same turn", async () => {
    const { come, registry } = await scene(linger);
    const client = await come("job");
    await client.until("waiting");
    const [first, second] = [registry.open("job"), registry.open("other")];
    for (const event of RESULT) (await first).push(event);
    await (await first).end();
    const again = await registry.open("job");
    again.push({ event: "token", data: "of the next" });
    await expectAll(client);
    await (await second).end();
  });

  test("after the client has been sent away for waiting too long, and before it comes back", async () => {
    const { work, come, clock } = await scene(linger);
    const client = await come("job");
    await client.until("waiting");
    await clock.advance(90_000);
    await client.over();
    expect(heardBy(client).at(-1)).toBe("stream.drain");
    await work();
    const back = await come("job", cursorOf(client));
    // The database was asked a moment ago, and is asked again within this time.
    await clock.advance(2_400);
    await expectAll(back);
  });

  test("after the client has attached", async () => {
    const { come, registry } = await scene(linger);
    const job = await registry.open("job");
    const client = await come("job");
    await client.until("stream.live");
    for (const event of RESULT) job.push(event);
    await job.end();
    await expectAll(client);
  });

  test("and who comes back with its end is told that there is no more", async () => {
    const { work, come } = await scene(linger);
    await work();
    const client = await come("job");
    await client.over();
    expect((await come("job", cursorOf(client))).status).toBe(204);
  });
});

test("the work is done while the database still says that it runs: the wait goes on until it knows", async () => {
  let row: Snapshot<Record<string, unknown>> = { state: "running" };
  const { registry, clock, come } = await stage(() => ({ linger: 0, snapshot: () => row }));
  const job = await registry.open("job");
  for (const event of RESULT) job.push(event);
  await job.end();
  await clock.advance(0);
  const client = await come("job");
  await client.until("waiting");
  await clock.advance(5_000);
  row = { state: "done", events: RESULT };
  await clock.advance(2_400);
  await expectAll(client);
  await eventually(() => expect(registry.gauges().connections).toBe(0));
});
