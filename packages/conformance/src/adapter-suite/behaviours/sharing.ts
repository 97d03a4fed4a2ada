import assert from "node:assert/strict";
import { eventsOf } from "../../wire/frames.ts";
import type { Server } from "../server.ts";
import { numbers } from "../shapes.ts";
import type { Client } from "../../wire/client.ts";
import type { Suite } from "../suite.ts";

/** A frame is encoded once, and its bytes are given to every client. */
export function sharing({ test }: Suite): void {
  async function clientsOf(server: Server, count: number): Promise<Client[]> {
    const path = await server.serve({ channel: "feed" });
    const clients = await Promise.all(Array.from({ length: count }, () => server.get(path)));
    for (const client of clients) await client.until("event: stream.live");
    return clients;
  }

  test("whole to each of them", async (begin) => {
    const server = await begin({ registry: { buffer: { bytes: 4 << 20 } } });
    const clients = await clientsOf(server, 4);
    const big = "Grüße, 世界 🎉 ".repeat(8_000);
    await server.say("feed", [
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

  test("to those who stay when one leaves in the middle", async (begin) => {
    const server = await begin();
    const [leaver, ...stayers] = await clientsOf(server, 3);
    await server.say(
      "feed",
      numbers(1, 50).map((data) => ({ data })),
    );
    leaver?.leave();
    await server.say(
      "feed",
      numbers(51, 100).map((data) => ({ data })),
    );
    for (const client of stayers) {
      await client.until("data: 100\n\n");
      assert.deepEqual(
        eventsOf(client.text).map(({ data }) => data),
        numbers(1, 100),
      );
    }
  });
}
