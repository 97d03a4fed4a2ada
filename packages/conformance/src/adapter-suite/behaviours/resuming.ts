import assert from "node:assert/strict";
import type { ClientRequest } from "../../wire/client.ts";
import { dataOf, eventsOf, framesOf } from "../../wire/frames.ts";
import { numbers } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** A client goes on where its cursor says that it was. */
export function resuming({ test }: Suite): void {
  const cursors: [string, (place: (seq: number) => string) => ClientRequest, number][] = [
    ["the header", (place) => ({ headers: { "Last-Event-ID": place(3) } }), 4],
    ["the query", (place) => ({ path: `?lastEventId=${place(2)}` }), 3],
    [
      "the header before the query",
      (place) => ({ path: `?lastEventId=${place(2)}`, headers: { "Last-Event-ID": place(4) } }),
      5,
    ],
    [
      "the query when the header is empty",
      (place) => ({ path: `?lastEventId=${place(2)}`, headers: { "Last-Event-ID": "" } }),
      3,
    ],
    ["nothing", () => ({}), 1],
  ];
  for (const [name, requestOf, first] of cursors) {
    test(`by ${name}`, async (begin) => {
      const server = await begin();
      const epoch = await server.open("job");
      const place = (seq: number): string => `${epoch}.${seq}`;
      await server.push(
        "job",
        numbers(1, 5).map((data) => ({ data })),
      );
      const client = await server.get(await server.serve({ stream: "job" }), requestOf(place));
      await client.until("event: stream.live");
      assert.equal(framesOf(client.text)[0]?.id, place(first - 1));
      await server.push("job", [{ data: "6" }]);
      await client.until("data: 6\n\n");
      assert.deepEqual(
        eventsOf(client.text).map(({ data }) => data),
        numbers(first, 6),
      );
    });
  }

  test("by a cursor of another life, and is told to start over", async (begin) => {
    const server = await begin();
    await server.open("job");
    await server.push("job", [{ data: "1" }]);
    const client = await server.get(await server.serve({ stream: "job" }), {
      headers: { "last-event-id": "0000000000.7" },
    });
    await client.until("event: stream.live");
    assert.deepEqual(dataOf(client.text, "stream.reset"), { reason: "epoch", lost: null });
    assert.deepEqual(
      eventsOf(client.text).map(({ data }) => data),
      ["1"],
    );
  });
}
