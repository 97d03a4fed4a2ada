import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { crowd, followPlainly, followWell } from "./follower.ts";
import { reach, stage, told } from "./stage.ts";

const EACH = 300;

describe.skipIf(redisBinary === undefined)(
  "a channel with producers on both machines",
  { timeout: 60_000 },
  () => {
    test("has one order for everyone, and goes on elsewhere from a cursor", async () => {
      const { here, there } = await stage();
      const readers = [here, there].flatMap(({ port }) => crowd(4, () => port, "/channels/room"));
      await told(readers, "live");
      const leaving = [followWell, followPlainly].map((follow) => follow(() => here.port, "/channels/room"));
      await told(leaving, "live");
      const said = [here.ask("say", "room", "here", EACH), there.ask("say", "room", "there", EACH)];
      await reach(leaving, EACH / 2);
      for (const reader of leaving) reader.leave();
      await Promise.all(said);
      await reach(readers, 2 * EACH);

      const [first] = readers as [(typeof readers)[number]];
      for (const { events, ends, resets } of readers) {
        expect([events, ends, resets]).toEqual([first.events, [], []]);
      }
      expect(new Set(first.events.map((event) => event.split(" ")[0])).size).toBe(2 * EACH);
      for (const who of ["here", "there"]) {
        const own = first.events.filter((event) => event.includes(` ${who} `));
        expect(own.map((event) => Number(event.split(" ")[2]))).toEqual(own.map((_, index) => index + 1));
        expect(own).toHaveLength(EACH);
      }

      for (const { events, cursor } of leaving) {
        expect(events).toEqual(first.events.slice(0, events.length));
        const back = followPlainly(() => there.port, "/channels/room", cursor);
        await reach([back], 2 * EACH - events.length);
        expect([...events, ...back.events]).toEqual(first.events);
        expect(back.resets).toEqual([]);
      }
    });
  },
);
