import assert from "node:assert/strict";
import { allDisconnects, NO_HEARTBEAT } from "../harness/disconnects.ts";
import { TERMINAL_ID } from "../harness/expectations.ts";
import { assertNoListenerWarning, TOO_MANY_LISTENERS } from "../harness/listener-warnings.ts";
import type { Suite } from "../harness/suite.ts";
import type { Observed } from "../subject/recorder.ts";

const withTerminalId = { headers: { "last-event-id": TERMINAL_ID } };
const reasons = ({ closed }: Observed): string[] => closed.map(({ reason }) => reason);

/** A client sends further requests before the response to the first one has ended. */
export function pipelinedRequests(suite: Suite): void {
  const { test, has } = suite;
  if (!has("pipelining")) return;

  test("serves all of them, in whatever order they are admitted", async (start) => {
    const server = await start();
    await server.open("job");
    const path = await server.serve({ stream: "job" });
    const first = await server.get(path);
    await first.until("event: stream.live");
    const second = first.sendNext({ path });
    const third = first.sendNext({ path, ...withTerminalId });
    await server.until(({ calls }) => assert.equal(calls, 3));
    await server.end("job", { data: "all" });
    for (const client of [first, second]) {
      assert.equal(await client.finished(), "ended");
      assert(client.text.includes("data: all\n\n"));
    }
    assert.equal((await third.answered()).status, 204);
    await server.until((observed) => assert.deepEqual(reasons(observed), ["ended", "ended"]));
  });

  test("cleans up every one of them when the connection is cut", async (start) => {
    const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
    await server.open("job");
    const path = await server.serve({ stream: "job" });
    const first = await server.get(path);
    await first.until("event: stream.live");
    first.sendNext({ path });
    first.sendNext({ path });
    const admitted = has("admissionInTurn") ? 1 : 3;
    await server.until(({ gauges, calls }) => assert.deepEqual([gauges.connections, calls], [admitted, 3]));
    first.cut();
    const observed = await server.until(({ gauges, pendingCalls }) => {
      assert.equal(gauges.connections, 0);
      assert.equal(pendingCalls, 0);
    });
    assert.deepEqual(reasons(observed), Array(admitted).fill("disconnected"));
  });

  if (has("admissionInTurn")) inTurn(suite);
}

/** A socket has one admitted response at a time, however many requests its client sends. */
function inTurn(suite: Suite): void {
  const { test } = suite;

  test("admits each when its turn comes: until then it counts for nothing", async (start) => {
    const server = await start({ registry: { maxConnections: 2, overload: "refuse" } });
    await server.open("job");
    const path = await server.serve({ stream: "job" });
    const first = await server.get(path);
    await first.until("event: stream.live");
    const waiting = Array.from({ length: 4 }, () => first.sendNext({ path }));
    const observed = await server.until(({ calls }) => assert.equal(calls, 5));
    assert.deepEqual([observed.gauges.connections, observed.opened], [1, 1]);
    assert.equal((await server.info("job"))?.readers, 1);
    // There is room for somebody else.
    const other = await server.get(path);
    await other.until("event: stream.live");
    other.disconnect();
    await server.until((all) => assert.deepEqual(reasons(all), ["disconnected"]));
    await server.end("job", { data: "all" });
    for (const client of [first, ...waiting]) {
      assert.equal(await client.finished(), "ended");
      assert(client.text.includes("data: all\n\n"));
    }
    await server.until((all) => assert.deepEqual(reasons(all), ["disconnected", ...Array(5).fill("ended")]));
  });

  test("admits one in its turn with the cursor and the limits of that time", async (start) => {
    const server = await start({ registry: { maxConnections: 1, overload: "refuse" } });
    await server.open("job");
    const path = await server.serve({ stream: "job" });
    const first = await server.get(path);
    await first.until("event: stream.live");
    const second = first.sendNext({ path });
    const third = first.sendNext({ path });
    await server.until(({ calls }) => assert.equal(calls, 3));
    await server.end("job");
    assert.equal(await first.finished(), "ended");
    // Each is the only one when it is admitted.
    assert.equal(await second.finished(), "ended");
    assert.equal(await third.finished(), "ended");
    assert.deepEqual([second.status, third.status], [200, 200]);
  });

  for (const { name, disconnect } of allDisconnects(suite)) {
    test(`admits none whose connection is gone before its turn: ${name}`, async (start) => {
      const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
      await server.open("job");
      const path = await server.serve({ stream: "job" });
      await assertNoListenerWarning(async () => {
        const first = await server.get(path);
        await first.until("event: stream.live");
        for (let request = 0; request < TOO_MANY_LISTENERS; request++) first.sendNext({ path });
        await server.until(({ calls }) => assert.equal(calls, 1 + TOO_MANY_LISTENERS));
        disconnect(first);
        await server.until(({ gauges, pendingCalls }) => {
          assert.equal(gauges.connections, 0);
          assert.equal(pendingCalls, 0);
        });
      });
      const observed = await server.observed();
      assert.equal(observed.opened, 1);
      assert.deepEqual(reasons(observed), ["disconnected"]);
    });
  }

  test("releases the bare source of one whose connection is gone before its turn, without reading it", async (start) => {
    const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
    await server.open("job");
    const first = await server.get(await server.serve({ stream: "job" }));
    await first.until("event: stream.live");
    first.sendNext({ path: await server.serve({ bare: "numbers" }) });
    first.sendNext({ path: await server.serve({ bare: "openWebStream" }) });
    await server.until(({ calls }) => assert.equal(calls, 3));
    first.cut();
    const { opened } = await server.until(({ runs }) =>
      // The function is never called, and the web stream is cancelled.
      assert.deepEqual([runs.begun, runs.pulled, runs.finished], [1, 0, 1]),
    );
    assert.equal(opened, 1);
  });
}
