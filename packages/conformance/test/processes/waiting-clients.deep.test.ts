import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { connectClients } from "./recording-client.ts";
import { expectSameEvents, untilReceived, startTwoServers, untilState } from "./two-servers.ts";

/*
 * Scenario: clients wait in one process for streams that another process opens. Covers store/ of core and the hints of the
 * package redis.
 */

describe.skipIf(redisBinary === undefined)(
  "clients that wait in another process",
  { timeout: 180_000 },
  () => {
    test.each(["", ", although the connection for hints is cut"])("receive everything%s", async (cut) => {
      const { first, second, command } = await startTwoServers();
      const slow = connectClients(4, () => second.port, "/streams/slow");
      const quick = connectClients(4, () => second.port, "/streams/quick");
      await untilState([...slow, ...quick], "waiting");

      // It ends at once, before the next look-up.
      if (cut) expect(await command("CLIENT", "KILL", "TYPE", "pubsub")).toBeGreaterThan(0);
      await first.run("open", "quick");
      await Promise.all([first.run("push", "quick", 500), first.run("end", "quick")]);
      expect(await expectSameEvents(quick, "done")).toHaveLength(500);

      // It is received live from its first event.
      if (cut) expect(await command("CLIENT", "KILL", "TYPE", "pubsub")).toBeGreaterThan(0);
      await first.run("open", "slow");
      for (let count = 1; count <= 3; count++) {
        await first.run("push", "slow", 1);
        await untilReceived(slow, count);
      }
      await first.run("end", "slow");
      expect(await expectSameEvents(slow, "done")).toHaveLength(3);
    });
  },
);
