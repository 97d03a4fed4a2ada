import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { crowd } from "./follower.ts";
import { expectSameStory, reach, stage } from "./stage.ts";

/*
 * The machine that a client is connected to goes away.
 */

describe.skipIf(redisBinary === undefined)("a web process", { timeout: 60_000 }, () => {
  test("is killed: its clients go on at the other one, and miss nothing", async () => {
    const { here, there } = await stage();
    let port = there.port;
    await here.ask("open", "job");
    await here.ask("run", "job", 5);
    const clients = crowd(20, () => port, "/streams/job");
    await reach(clients, 50);
    port = here.port;
    await there.kill();
    await reach(clients, 200);
    const count = await here.ask("end", "job");
    expect(await expectSameStory(clients, "done")).toHaveLength(count);
  });

  test("closes: its clients go on at the other one, and of it nothing is left", async () => {
    const { here, there, command } = await stage();
    let port = here.port;
    await there.ask("open", "job");
    await there.ask("run", "job", 5);
    await here.ask("open", "own");
    await here.ask("run", "own", 5);
    const clients = crowd(10, () => port, "/streams/job");
    const guests = crowd(4, () => there.port, "/streams/own");
    await reach([...clients, ...guests], 50);
    port = there.port;
    expect(await here.ask("close")).toMatchObject({ connections: 0, waiting: 0, streams: 0, bytes: 0 });
    expect(await here.gone).toEqual({ code: 0, signal: null });
    await expectSameStory(guests, "cancelled");
    await reach(clients, 200);
    const count = await there.ask("end", "job");
    expect(await expectSameStory(clients, "done")).toHaveLength(count);

    await there.ask("close");
    expect(await there.gone).toEqual({ code: 0, signal: null });
    const keys = (await command("KEYS", "*")) as string[];
    expect(keys.toSorted()).toEqual(["hf:{job}:m", "hf:{job}:s", "hf:{own}:m", "hf:{own}:s"]);
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
