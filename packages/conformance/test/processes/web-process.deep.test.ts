import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { connectClients } from "./recording-client.ts";
import { expectSameEvents, untilReceived, startTwoServers } from "./two-servers.ts";

/*
 * Scenario: the process that clients are connected to is killed or closes. Covers registry/ and store/ of core, and the
 * store of the package redis.
 */

describe.skipIf(redisBinary === undefined)("a web process", { timeout: 180_000 }, () => {
  test("is killed: its clients resume in the other process, and miss nothing", async () => {
    const { first, second } = await startTwoServers();
    let port = second.port;
    await first.run("open", "job");
    await first.run("pushEvery", "job", 5);
    const clients = connectClients(20, () => port, "/streams/job");
    await untilReceived(clients, 50);
    port = first.port;
    await second.kill();
    await untilReceived(clients, 200);
    const count = await first.run("end", "job");
    expect(await expectSameEvents(clients, "done")).toHaveLength(count);
  });

  test("closes: its clients resume in the other process, and nothing of it is left", async () => {
    const { first, second, command } = await startTwoServers();
    let port = first.port;
    await second.run("open", "job");
    await second.run("pushEvery", "job", 5);
    await first.run("open", "own");
    await first.run("pushEvery", "own", 5);
    const clients = connectClients(10, () => port, "/streams/job");
    const ownClients = connectClients(4, () => second.port, "/streams/own");
    await untilReceived([...clients, ...ownClients], 50);
    port = second.port;
    expect(await first.run("close")).toMatchObject({ connections: 0, waiting: 0, streams: 0, bytes: 0 });
    expect(await first.exited).toEqual({ code: 0, signal: null });
    await expectSameEvents(ownClients, "cancelled");
    await untilReceived(clients, 200);
    const count = await second.run("end", "job");
    expect(await expectSameEvents(clients, "done")).toHaveLength(count);

    await second.run("close");
    expect(await second.exited).toEqual({ code: 0, signal: null });
    const keys = (await command("KEYS", "*")) as string[];
    expect(keys.toSorted()).toEqual(["hf:marker", "hf:{job}:m", "hf:{job}:s", "hf:{own}:m", "hf:{own}:s"]);
    for (const key of keys) expect(await command("PTTL", key)).toBeGreaterThan(0);
    await eventually(async () => {
      expect(await command("PUBSUB", "CHANNELS")).toEqual([]);
      expect(
        String(await command("CLIENT", "LIST"))
          .trim()
          .split("\n"),
      ).toHaveLength(1);
    });
  });
});
