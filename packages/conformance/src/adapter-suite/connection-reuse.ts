import assert from "node:assert/strict";
import { allDisconnects, NO_HEARTBEAT } from "../harness/disconnects.ts";
import { FIRST_BLOCK, connectToSink, SINK, untilResponseBegan, untilSink } from "../harness/raw-sink.ts";
import { TERMINAL_ID } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** Node warns about the eleventh listener of one event. */
const MANY = 12;

const withTerminalId = { headers: { "last-event-id": TERMINAL_ID } };

/** A connection serves one request after the other, or several at once. */
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
      const warnings: string[] = [];
      const warned = ({ name, message }: Error): void => {
        if (name === "MaxListenersExceededWarning") warnings.push(message);
      };
      process.on("warning", warned);
      try {
        let client = await server.get(path);
        for (let request = 0; request < MANY; request++) {
          assert.equal(await client.finished(), "ended");
          client = await client.sendNext({ path }).answered();
        }
        await server.settled();
      } finally {
        process.off("warning", warned);
      }
      assert.deepEqual(warnings, []);
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

  if (has("pipelining")) {
    test("serves pipelined requests at the same time", async (start) => {
      const server = await start();
      await server.open("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path);
      await first.until("event: stream.live");
      const second = first.sendNext({ path });
      const third = first.sendNext({ path, ...withTerminalId });
      await server.until(({ gauges }) => assert.equal(gauges.connections, 2));
      await server.end("job", { data: "all" });
      for (const client of [first, second]) {
        assert.equal(await client.finished(), "ended");
        assert(client.text.includes("data: all\n\n"));
      }
      assert.equal((await third.answered()).status, 204);
      await server.until(({ closed }) =>
        assert.deepEqual(
          closed.map(({ reason }) => reason),
          ["ended", "ended"],
        ),
      );
    });

    test("destroys a pipelined response before its turn without an effect on the others", async (start) => {
      const server = await start();
      await server.open("job");
      const first = await server.get(await server.serve({ stream: "job" }));
      await first.until("event: stream.live");
      first.sendNext({ path: await server.serve({ sink: SINK }) });
      await untilResponseBegan(server);
      await server.endSink(SINK, "destroy");
      await untilSink(server, ({ closed }) => assert.equal(closed, 1));
      await server.push("job", [{ data: "after" }]);
      await first.until("data: after\n\n");
    });

    test("cleans up every pipelined request when the connection is cut", async (start) => {
      const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
      await server.open("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path);
      await first.until("event: stream.live");
      first.sendNext({ path });
      first.sendNext({ path });
      await server.until(({ gauges }) => assert.equal(gauges.connections, 3));
      first.cut();
      const { closed } = await server.until(({ gauges, pendingCalls }) => {
        assert.equal(gauges.connections, 0);
        assert.equal(pendingCalls, 0);
      });
      assert.deepEqual(
        closed.map(({ reason }) => reason),
        Array(3).fill("disconnected"),
      );
    });
  }
}
