import { describe, expect, test } from "vitest";
import { redisBinary } from "../../../redis/test/support/redis-server.ts";
import { crowd } from "./follower.ts";
import { expectSameStory, reach, stage, told } from "./stage.ts";

/*
 * The clients were there first, on another machine.
 */

describe.skipIf(redisBinary === undefined)("clients that wait elsewhere", { timeout: 60_000 }, () => {
  test.each(["", ", though the connection for hints is cut"])("get everything%s", async (cut) => {
    const { here, there, command } = await stage();
    const slow = crowd(4, () => there.port, "/streams/slow");
    const quick = crowd(4, () => there.port, "/streams/quick");
    await told([...slow, ...quick], "waiting");

    // Over at once, before anybody looks again.
    if (cut) expect(await command("CLIENT", "KILL", "TYPE", "pubsub")).toBeGreaterThan(0);
    await here.ask("open", "quick");
    await Promise.all([here.ask("push", "quick", 500), here.ask("end", "quick")]);
    expect(await expectSameStory(quick, "done")).toHaveLength(500);

    // Live, from its first event.
    if (cut) expect(await command("CLIENT", "KILL", "TYPE", "pubsub")).toBeGreaterThan(0);
    await here.ask("open", "slow");
    for (let count = 1; count <= 3; count++) {
      await here.ask("push", "slow", 1);
      await reach(slow, count);
    }
    await here.ask("end", "slow");
    expect(await expectSameStory(slow, "done")).toHaveLength(3);
  });
});
