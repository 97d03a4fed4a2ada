import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { crowd, followPlainly, followWell } from "./follower.ts";
import { all, expectSameStory, reach, stage } from "./stage.ts";
import { SPEED } from "./swift.ts";

/** A lease, and what is allowed for everything else. */
const LOST_WITHIN = (15_000 + 5_000) / SPEED;
/** What a busy machine may take besides. */
const SLACK = 3_000;

/*
 * The producer is on one machine, what befalls it too.
 */

describe.skipIf(redisBinary === undefined)("a producer", { timeout: 60_000 }, () => {
  test("is killed: fifty clients elsewhere have the same events, and one end, in time", async () => {
    const { here, there } = await stage();
    await here.ask("open", "job");
    await here.ask("run", "job", 5);
    const clients = crowd(50, () => there.port, "/streams/job");
    await reach(clients, 100);
    await here.kill();
    const killedAt = performance.now();
    await all(clients, ({ ends }) => ends.length > 0);
    expect(performance.now() - killedAt).toBeLessThan(LOST_WITHIN + SLACK);
    await expectSameStory([...clients, ...crowd(2, () => there.port, "/streams/job")], "lost");
  });

  test("is frozen beyond its lease: it learns what everyone was told meanwhile", async () => {
    const { here, there } = await stage({ durability: "stored" });
    await here.ask("open", "job");
    await here.ask("run", "job", 5);
    const readersHere = crowd(4, () => here.port, "/streams/job");
    const readersThere = crowd(4, () => there.port, "/streams/job");
    await reach([...readersHere, ...readersThere], 50);
    here.freeze();
    const events = await expectSameStory(readersThere, "lost");
    here.thaw();
    expect(await expectSameStory([...readersHere, ...readersThere], "lost")).toEqual(events);
    await eventually(async () => {
      expect(await here.ask("fate", "job")).toMatchObject({ refused: "STREAM_ENDED" });
    });
    const late = [here, there].flatMap(({ port }) => crowd(2, () => port, "/streams/job"));
    expect(await expectSameStory(late, "lost")).toEqual(events);
  });

  test("is cancelled from elsewhere, two hundred times, and hears why", async () => {
    const { here, there } = await stage();
    const ids = Array.from({ length: 200 }, (_, index) => `job-${index}`);
    const follow = (id: string, index: number): ReturnType<typeof followWell>[] =>
      index % 20 === 0
        ? [followWell, followPlainly].map((kind) => kind(() => there.port, `/streams/${id}`))
        : [];
    const begin = (id: string): Promise<void> => here.ask("open", id).then(() => here.ask("push", id, 3));
    await Promise.all(ids.map(begin));
    const clients = ids.flatMap(follow);
    await reach(clients, 3);

    const took: number[] = [];
    for (const id of ids) {
      const askedAt = await there.ask("cancel", id, `no ${id}`);
      const fate = await eventually(async () => {
        const now = await here.ask("fate", id);
        expect(now).toMatchObject({ reason: `no ${id}`, refused: "STREAM_ENDED" });
        return now;
      });
      took.push((fate?.abortedAt as number) - askedAt);
    }
    for (const client of clients) await expectSameStory([client], "cancelled");
    took.sort((a, b) => a - b);
    const [p50, p99] = [took[100], took[198]] as [number, number];
    console.log(`From a cancel to its signal elsewhere: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms.`);
    expect(p50).toBeLessThan(500);
  });
});
