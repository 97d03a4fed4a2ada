import assert from "node:assert/strict";
import { eventsOf } from "../wire/frames.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import { numbers } from "../harness/expectations.ts";
import type { Client } from "../wire/client.ts";
import type { Suite } from "../harness/suite.ts";

/** A frame is encoded once, and all clients share its bytes. */
export function sharedFrames({ test }: Suite): void {
  async function clientsOf(server: RemoteServer, count: number): Promise<Client[]> {
    const path = await server.serve({ channel: "feed" });
    const clients = await Promise.all(Array.from({ length: count }, () => server.get(path)));
    for (const client of clients) await client.until("event: stream.live");
    return clients;
  }

  test("sends an event whole to each of several clients", async (start) => {
    const server = await start({ registry: { buffer: { bytes: 4 << 20 } } });
    const clients = await clientsOf(server, 4);
    const big = "Grüße, 世界 🎉 ".repeat(8_000);
    await server.pushToChannel("feed", [
      { event: "big", data: big },
      { event: "small", data: "shared" },
    ]);
    for (const client of clients) {
      await client.until("data: shared\n\n");
      assert.deepEqual(
        eventsOf(client.text).map(({ event, data }) => [event, data]),
        [
          ["big", big],
          ["small", "shared"],
        ],
      );
    }
  });

  test("continues for the other clients when one disconnects in the middle", async (start) => {
    const server = await start();
    const [first, ...others] = await clientsOf(server, 3);
    await server.pushToChannel(
      "feed",
      numbers(1, 50).map((data) => ({ data })),
    );
    first?.disconnect();
    await server.pushToChannel(
      "feed",
      numbers(51, 100).map((data) => ({ data })),
    );
    for (const client of others) {
      await client.until("data: 100\n\n");
      assert.deepEqual(
        eventsOf(client.text).map(({ data }) => data),
        numbers(1, 100),
      );
    }
  });
}
