import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { connectClients, connectStandardClient, connectClient } from "./recording-client.ts";
import { expectSameEvents, untilReceived, startTwoServers } from "./two-servers.ts";

/*
 * Scenario: the process of a producer fails while clients read its stream from another process. Covers store/ of core and
 * the store of the package redis: leases, fences and cancelling.
 */

describe.skipIf(redisBinary === undefined)("a producer", { timeout: 180_000 }, () => {
  test("is killed: fifty clients of the other process receive the same events, and one end", async () => {
    const { first, second } = await startTwoServers();
    await first.run("open", "job");
    await first.run("pushEvery", "job", 5);
    const clients = connectClients(50, () => second.port, "/streams/job");
    await untilReceived(clients, 100);
    await first.kill();
    await expectSameEvents([...clients, ...connectClients(2, () => second.port, "/streams/job")], "lost");
  });

  test("is frozen for longer than its lease: it learns that its stream is lost, as the clients do", async () => {
    const { first, second } = await startTwoServers({ durability: "stored" });
    await first.run("open", "job");
    await first.run("pushEvery", "job", 5);
    const firstClients = connectClients(4, () => first.port, "/streams/job");
    const secondClients = connectClients(4, () => second.port, "/streams/job");
    await untilReceived([...firstClients, ...secondClients], 50);
    first.freeze();
    const events = await expectSameEvents(secondClients, "lost");
    first.thaw();
    expect(await expectSameEvents([...firstClients, ...secondClients], "lost")).toEqual(events);
    await eventually(async () => {
      expect(await first.run("signalState", "job")).toMatchObject({ isPushIgnored: true });
    });
    const late = [first, second].flatMap(({ port }) => connectClients(2, () => port, "/streams/job"));
    expect(await expectSameEvents(late, "lost")).toEqual(events);
  });

  test("is cancelled by the other process, two hundred times, and receives the reason", async () => {
    const { first, second } = await startTwoServers();
    const ids = Array.from({ length: 200 }, (_, index) => `job-${index}`);
    const connectTo = (id: string, index: number): ReturnType<typeof connectClient>[] =>
      index % 20 === 0
        ? [connectClient, connectStandardClient].map((connect) =>
            connect(() => second.port, `/streams/${id}`),
          )
        : [];
    // On a busy machine the store may not answer in time.
    const begin = (id: string): Promise<void> =>
      eventually(() => first.run("open", id)).then(() => first.run("push", id, 3));
    await Promise.all(ids.map(begin));
    const clients = ids.flatMap(connectTo);
    await untilReceived(clients, 3);

    const delays: number[] = [];
    for (const id of ids) {
      const cancelledAt = (await eventually(() => second.run("cancel", id, `no ${id}`))) as number;
      const state = await eventually(async () => {
        const now = await first.run("signalState", id);
        expect(now).toMatchObject({ reason: `no ${id}`, isPushIgnored: true });
        return now;
      });
      delays.push((state?.abortedAt as number) - cancelledAt);
    }
    for (const client of clients) await expectSameEvents([client], "cancelled");
    delays.sort((a, b) => a - b);
    const [p50, p99] = [delays[100], delays[198]] as [number, number];
    console.log(
      `From a cancel to the signal in the other process: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms.`,
    );
  });
});
