import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { connectClients, connectStandardClient, connectClient } from "./recording-client.ts";
import { untilReceived, startTwoServers, untilState } from "./two-servers.ts";

// Covers store/ of core and the store of the package redis: channels with several producers.

const EACH = 300;

describe.skipIf(redisBinary === undefined)(
  "a channel with producers in two processes",
  { timeout: 180_000 },
  () => {
    test("has the same order for all clients, and resumes in the other process", async () => {
      const { first, second } = await startTwoServers();
      const readers = [first, second].flatMap(({ port }) => connectClients(4, () => port, "/channels/room"));
      await untilState(readers, "live");
      const leaving = [connectClient, connectStandardClient].map((connect) =>
        connect(() => first.port, "/channels/room"),
      );
      await untilState(leaving, "live");
      const pushes = [
        first.run("pushToChannel", "room", "first", EACH),
        second.run("pushToChannel", "room", "second", EACH),
      ];
      await untilReceived(leaving, EACH / 2);
      for (const reader of leaving) reader.disconnect();
      await Promise.all(pushes);
      await untilReceived(readers, 2 * EACH);

      const [reference] = readers as [(typeof readers)[number]];
      for (const { events, ends, resets } of readers) {
        expect([events, ends, resets]).toEqual([reference.events, [], []]);
      }
      expect(new Set(reference.events.map((event) => event.split(" ")[0])).size).toBe(2 * EACH);
      for (const sender of ["first", "second"]) {
        const own = reference.events.filter((event) => event.includes(` ${sender} `));
        expect(own.map((event) => Number(event.split(" ")[2]))).toEqual(own.map((_, index) => index + 1));
        expect(own).toHaveLength(EACH);
      }

      for (const { events, cursor } of leaving) {
        expect(events).toEqual(reference.events.slice(0, events.length));
        const back = connectStandardClient(() => second.port, "/channels/room", cursor);
        await untilReceived([back], 2 * EACH - events.length);
        expect([...events, ...back.events]).toEqual(reference.events);
        expect(back.resets).toEqual([]);
      }
    });
  },
);
