import assert from "node:assert/strict";
import type { ClientRequest } from "../wire/client.ts";
import { dataOf, eventsOf, framesOf } from "../wire/frames.ts";
import { numbers } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** A client resumes after its cursor. */
export function resume({ test }: Suite): void {
  const cursors: [string, (idOf: (seq: number) => string) => ClientRequest, number][] = [
    ["resumes after the cursor in the header", (idOf) => ({ headers: { "Last-Event-ID": idOf(3) } }), 4],
    ["resumes after the cursor in the query", (idOf) => ({ path: `?lastEventId=${idOf(2)}` }), 3],
    [
      "prefers the cursor in the header to that in the query",
      (idOf) => ({ path: `?lastEventId=${idOf(2)}`, headers: { "Last-Event-ID": idOf(4) } }),
      5,
    ],
    [
      "resumes after the cursor in the query when the header is empty",
      (idOf) => ({ path: `?lastEventId=${idOf(2)}`, headers: { "Last-Event-ID": "" } }),
      3,
    ],
    ["starts with the first event without a cursor", () => ({}), 1],
  ];
  for (const [name, requestOf, first] of cursors) {
    test(name, async (start) => {
      const server = await start();
      const epoch = await server.open("job");
      const idOf = (seq: number): string => `${epoch}.${seq}`;
      await server.push(
        "job",
        numbers(1, 5).map((data) => ({ data })),
      );
      const client = await server.get(await server.serve({ stream: "job" }), requestOf(idOf));
      await client.until("event: stream.live");
      assert.equal(framesOf(client.text)[0]?.id, idOf(first - 1));
      await server.push("job", [{ data: "6" }]);
      await client.until("data: 6\n\n");
      assert.deepEqual(
        eventsOf(client.text).map(({ data }) => data),
        numbers(first, 6),
      );
    });
  }

  test("sends stream.reset and starts over after a cursor of another epoch", async (start) => {
    const server = await start();
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
