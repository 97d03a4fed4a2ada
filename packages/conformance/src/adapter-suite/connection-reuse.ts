import assert from "node:assert/strict";
import { allDisconnects, NO_HEARTBEAT } from "../harness/disconnects.ts";
import { FIRST_BLOCK, connectToSink, SINK, untilSink } from "../harness/raw-sink.ts";
import { TERMINAL_ID } from "../harness/expectations.ts";
import { assertNoListenerWarning, TOO_MANY_LISTENERS } from "../harness/listener-warnings.ts";
import type { Suite } from "../harness/suite.ts";

const withTerminalId = { headers: { "last-event-id": TERMINAL_ID } };

/** A connection serves one request after the other; over HTTP/2 several at once. */
export function connectionReuse(suite: Suite): void {
  const { test, has, assertCut } = suite;
  if (has("keepAlive")) {
    test("serves the next request after a 204, a HEAD and an ended stream", async (start) => {
      const server = await start();
      await server.open("job");
      await server.push("job", [{ data: "all" }]);
      await server.end("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path, withTerminalId);
      assert.equal(await first.finished(), "ended");
      const second = await first.sendNext({ path }).answered();
      assert.equal(second.status, 200);
      assert.equal(await second.finished(), "ended");
      const third = await second.sendNext({ path, ...withTerminalId }).answered();
      assert.equal(third.status, 204);
      const fourth = await third.sendNext({ path, method: "HEAD" }).answered();
      assert.equal(await fourth.finished(), "ended");
      const fifth = await fourth.sendNext({ path }).answered();
      assert((await fifth.until("event: stream.end")).includes("data: all\n\n"));
      assert.equal(await fifth.finished(), "ended");
    });

    test("serves the next request, whatever is called on the sink after its end", async (start) => {
      const server = await start();
      const path = await server.serve({ stream: "job" });
      const first = await connectToSink(server);
      await server.endSink(SINK, "close");
      assert.equal(await first.finished(), "ended");
      await untilSink(server, ({ closed }) => assert.equal(closed, 1));
      await server.writeToSink(SINK, FIRST_BLOCK);
      await server.endSink(SINK, "close", "destroy", "abandon");
      await server.settled();
      assert.equal((await first.sendNext({ path, ...withTerminalId }).answered()).status, 204);
    });

    for (const { name, disconnect } of allDisconnects(suite)) {
      test(`notices that the client of a later request disconnects: ${name}`, async (start) => {
        const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
        await server.open("job");
        const path = await server.serve({ stream: "job" });
        const first = await server.get(path, withTerminalId);
        const second = await first.sendNext({ path }).answered();
        await second.until("event: stream.live");
        disconnect(second);
        const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0));
        assert.equal(closed[0]?.reason, "disconnected");
      });
    }

    test("leaves no listener on the connection when a request is over", async (start) => {
      const server = await start();
      await server.open("job");
      await server.end("job");
      const path = await server.serve({ stream: "job" });
      await assertNoListenerWarning(async () => {
        let client = await server.get(path);
        for (let request = 0; request < TOO_MANY_LISTENERS; request++) {
          assert.equal(await client.finished(), "ended");
          client = await client.sendNext({ path }).answered();
        }
        await server.settled();
      });
    });
  }

  test("cuts one response without an effect on the others", async (start) => {
    const server = await start();
    await server.open("job");
    const cut = await connectToSink(server);
    const path = await server.serve({ stream: "job" });
    const leaving = cut.sendConcurrently?.({ path }) ?? server.send(path);
    const staying = cut.sendConcurrently?.({ path }) ?? server.send(path);
    await Promise.all([leaving.until("event: stream.live"), staying.until("event: stream.live")]);
    await server.endSink(SINK, "destroy");
    await assertCut(cut);
    leaving.reset();
    await server.until(({ gauges }) => assert.equal(gauges.connections, 1));
    await server.push("job", [{ data: "after" }]);
    await staying.until("data: after\n\n");
  });
}
