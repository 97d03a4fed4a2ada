import assert from "node:assert/strict";
import { eventsOf, framesOf, framesNamed, eventRanges } from "../wire/frames.ts";
import { numbers } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** Events arrive in order, each once, when they are pushed. */
export function delivery({ test }: Suite): void {
  test("sends events when they are pushed, one by one and in a burst", async (start) => {
    const server = await start();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    const ids: (string | undefined)[] = [];
    for (const data of numbers(1, 3)) {
      ids.push(...(await server.push("job", [{ event: "tick", data }])));
      await client.until(`data: ${data}\n\n`);
    }
    ids.push(
      ...(await server.push(
        "job",
        numbers(4, 500).map((data) => ({ event: "tick", data })),
      )),
    );
    await client.until("data: 500\n\n");
    assert.deepEqual(
      eventsOf(client.text),
      numbers(1, 500).map((data, index) => ({ event: "tick", id: ids[index], data })),
    );
  });

  test("sends a stream that is opened while its client waits, from its first event", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ stream: "later", follow: { from: "now" } }));
    await client.until('"state":"waiting"');
    await server.open("later");
    await server.push("later", [{ data: "first" }]);
    await client.until("data: first\n\n");
    const { gauges } = await server.observed();
    assert.deepEqual([gauges.connections, gauges.waiting], [1, 0]);
    await server.end("later");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(
      framesOf(client.text).map(({ event }) => event),
      ["stream.open", "stream.open", "stream.live", undefined, "stream.end"],
    );
  });

  test("sends a long replay whole, followed by what is pushed meanwhile", async (start) => {
    const server = await start({ registry: { buffer: { bytes: 16 << 20 } } });
    const epoch = await server.open("job");
    await server.pushMany("job", 3_000, 1_000);
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until(`id: ${epoch}.100\n`);
    await server.pushMany("job", 1_000, 1_000);
    await server.end("job");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(eventRanges(client.text), [{ from: 1, to: 4_000, lost: false }]);
    assert(framesNamed(client.text, "stream.live").length <= 1);
  });

  test("sends an event that is larger than any buffer whole", async (start) => {
    const server = await start({ registry: { buffer: { bytes: 32 << 20 }, maxEventBytes: 8 << 20 } });
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await server.pushMany("job", 1, 4_000_000);
    await server.end("job");
    assert.equal(await client.finished(), "ended");
    assert.equal(eventsOf(client.text)[0]?.data?.length, 4_000_000);
  });

  test("sends an event with several lines and scripts byte for byte", async (start) => {
    const server = await start();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await server.push("job", [{ event: "große", data: "Grüße\r\n世界\r🎉\n\n:" }, { data: "" }]);
    await server.end("job");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(
      eventsOf(client.text).map(({ event, data }) => [event, data]),
      [
        ["große", "Grüße\n世界\n🎉\n\n:"],
        [undefined, ""],
      ],
    );
  });
}
