import assert from "node:assert/strict";
import type { Suite } from "../harness/suite.ts";
import { dataOf, eventsOf } from "../wire/frames.ts";

/** Channels that hold the newest event of each key: what is sent has holes, and may start over. */
export function latestValues({ test }: Suite): void {
  test("sends current values, then changes and deletions, and starts over where one is forgotten", async (start) => {
    const server = await start({ latestByName: true });
    const path = await server.serve({ channel: "prices" });
    const [acme, init] = ["acme", "init"];
    await server.pushToChannel("prices", [
      { event: acme, data: "1" },
      { event: init, data: "2" },
      { event: acme, data: "3" },
    ]);
    const client = await server.get(path);
    await client.until("event: stream.live");
    await server.deleteKey("prices", init, { event: init, data: "gone" });
    await client.until("data: gone\n\n");
    const { epoch } = (await server.info("prices")) ?? {};
    const sent = eventsOf(client.text).map(({ id, data }) => [id, data]);
    assert.deepEqual(sent, [
      [`${epoch}.2`, "2"],
      [`${epoch}.3`, "3"],
      [`${epoch}.4`, "gone"],
    ]);

    const later = await server.get(path, { headers: { "Last-Event-ID": `${epoch}.3` } });
    await later.until("data: gone\n\n");
    assert.equal(dataOf(later.text, "stream.reset"), undefined);
    await server.deleteKey("prices", acme);
    for (const each of [client, later]) {
      await each.until(`id: ${epoch}.5\n\n`);
      assert.deepEqual(dataOf(each.text, "stream.reset"), { reason: "epoch", lost: null });
    }
  });
}
