import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { seededRandom } from "../support/seeded.ts";
import { crowd, type Follower } from "./follower.ts";
import { expectSameStory, reach, stage, type Stage } from "./stage.ts";

/*
 * Redis fails in the middle of a stream: no client on either machine notices.
 */

interface Scene extends Stage {
  readonly clientsHere: readonly Follower[];
  readonly clientsThere: readonly Follower[];
  /** Waits until all have seen so many events more. */
  readonly goOn: (more: number) => Promise<void>;
  readonly expectTheEnd: () => Promise<void>;
}

async function scene(): Promise<Scene> {
  const on = await stage();
  const { here, there } = on;
  await here.ask("open", "job");
  await here.ask("run", "job", 5);
  const clientsHere = crowd(4, () => here.port, "/streams/job");
  const clientsThere = crowd(4, () => there.port, "/streams/job");
  const clients = [...clientsHere, ...clientsThere];
  await reach(clients, 20);
  return {
    ...on,
    clientsHere,
    clientsThere,
    goOn: (more) => reach(clients, Math.max(...clients.map(({ events }) => events.length)) + more),
    async expectTheEnd() {
      const count = await here.ask("end", "job");
      const late = crowd(2, () => there.port, "/streams/job");
      expect(await expectSameStory([...clients, ...late], "done")).toHaveLength(count);
    },
  };
}

describe.skipIf(redisBinary === undefined)("Redis", { timeout: 60_000 }, () => {
  test("is flushed, again and again", async () => {
    const random = seededRandom();
    const { command, goOn, expectTheEnd } = await scene();
    for (let times = 0; times < 8; times++) {
      await command("FLUSHALL");
      await goOn(1 + Math.floor(100 * random()));
    }
    await expectTheEnd();
  });

  test("hangs for longer than a lease", async () => {
    const { redis, clientsHere, goOn, expectTheEnd } = await scene();
    redis.freeze();
    // One every 5 ms: this takes 4.5 s, and readers here are served meanwhile.
    await reach(clientsHere, 900);
    redis.thaw();
    await goOn(20);
    await expectTheEnd();
  });

  test("is killed, and comes back empty", async () => {
    const { redis, goOn, expectTheEnd } = await scene();
    for (let times = 0; times < 2; times++) {
      await redis.restart();
      await goOn(20);
    }
    await expectTheEnd();
  });
});
