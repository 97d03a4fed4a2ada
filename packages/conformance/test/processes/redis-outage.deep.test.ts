import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { connectClients, type RecordingClient } from "./recording-client.ts";
import { expectSameEvents, untilReceived, startTwoServers, type TwoServers } from "./two-servers.ts";

/*
 * Scenario: Redis fails in the middle of a stream, and no client of either process notices. Covers store/ of core and the
 * store of the package redis: batches that are repeated, and the data that is written again.
 */

interface RunningStream extends TwoServers {
  readonly firstClients: readonly RecordingClient[];
  readonly secondClients: readonly RecordingClient[];
  /** Waits until all clients have received `more` events. */
  readonly untilMore: (more: number) => Promise<void>;
  readonly expectWholeStream: () => Promise<void>;
}

async function startStream(): Promise<RunningStream> {
  const servers = await startTwoServers();
  const { first, second } = servers;
  await first.run("open", "job");
  await first.run("pushEvery", "job", 5);
  const firstClients = connectClients(4, () => first.port, "/streams/job");
  const secondClients = connectClients(4, () => second.port, "/streams/job");
  const clients = [...firstClients, ...secondClients];
  await untilReceived(clients, 20);
  return {
    ...servers,
    firstClients,
    secondClients,
    untilMore: (more) =>
      untilReceived(clients, Math.max(...clients.map(({ events }) => events.length)) + more),
    async expectWholeStream() {
      const count = await first.run("end", "job");
      const late = connectClients(2, () => second.port, "/streams/job");
      expect(await expectSameEvents([...clients, ...late], "done")).toHaveLength(count);
    },
  };
}

describe.skipIf(redisBinary === undefined)("Redis", { timeout: 180_000 }, () => {
  test("is flushed, again and again", async () => {
    const random = seededRandom();
    const { command, untilMore, expectWholeStream } = await startStream();
    for (let times = 0; times < 8; times++) {
      await command("FLUSHALL");
      await untilMore(1 + Math.floor(100 * random()));
    }
    await expectWholeStream();
  });

  test("hangs for longer than a lease", async () => {
    const { redis, firstClients, untilMore, expectWholeStream } = await startStream();
    redis.freeze();
    // This takes at least 4.5 s, longer than a lease; the clients of the producer's process are served meanwhile.
    await untilReceived(firstClients, 900);
    redis.thaw();
    await untilMore(20);
    await expectWholeStream();
  });

  test("is killed, and comes back empty", async () => {
    const { redis, untilMore, expectWholeStream } = await startStream();
    for (let times = 0; times < 2; times++) {
      await redis.restart();
      await untilMore(20);
    }
    await expectWholeStream();
  });
});
