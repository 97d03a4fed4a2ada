import assert from "node:assert/strict";
import {
  FIRST_BLOCK,
  connectToSink,
  BLOCK,
  fillTransport,
  SINK,
  untilResponseBegan,
  untilSink,
} from "../harness/raw-sink.ts";
import { allDisconnects } from "../harness/disconnects.ts";
import type { SinkEnd } from "../subject/test-server.ts";
import type { Client } from "../wire/client.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import type { Suite } from "../harness/suite.ts";
import { socketCapacity } from "../harness/socket-capacity.ts";

/** Blocks that a server may buffer in addition to the transport: 4 MiB. */
const TOLERANCE = 64;

/** The sink that core writes to: what `write` returns, and when it calls `drained` and `closed`. */
export function sink(suite: Suite): void {
  const { test, has, assertCut, assertCutInOrder } = suite;
  const ended = async (client: Client): Promise<void> => assert.equal(await client.finished(), "ended");
  const cases: [string, SinkEnd[], (client: Client) => Promise<void>][] = [
    ["closed", ["close"], ended],
    ["closed twice", ["close", "close"], ended],
    ["closed, then cut", ["close", "cut"], ended],
    ["cut", ["cut"], assertCutInOrder],
    ["cut twice", ["cut", "cut"], assertCutInOrder],
    ["cut, then closed", ["cut", "close"], assertCutInOrder],
    ["cut, then destroyed", ["cut", "destroy"], assertCut],
    ["destroyed", ["destroy"], assertCut],
    ["destroyed twice", ["destroy", "abandon"], assertCut],
    ["destroyed, then closed", ["destroy", "close"], assertCut],
  ];
  for (const [name, ends, expectEnd] of cases) {
    test(`calls \`closed\` once when it is ${name}`, async (start) => {
      const server = await start();
      const client = await connectToSink(server);
      await server.endSink(SINK, ...ends);
      await expectEnd(client);
      assert.equal(client.text, FIRST_BLOCK);
      await assertClosedOnce(server, () => callAfterEnd(server));
    });
  }

  test("sends what is written right before a cut", async (start) => {
    const server = await start();
    const client = await connectToSink(server);
    await server.writeAndEndSink(SINK, BLOCK, "cut");
    await assertCutInOrder(client);
    assert.equal(client.text, FIRST_BLOCK + BLOCK);
    await assertClosedOnce(server);
  });

  test("calls `closed` once when it is closed, for HEAD", async (start) => {
    const server = await start();
    const client = server.send(await server.serve({ sink: SINK }), { method: "HEAD" });
    await untilResponseBegan(server);
    await server.endSink(SINK, "close");
    await ended(client);
    await assertClosedOnce(server, () => callAfterEnd(server));
  });

  for (const { name, disconnect } of allDisconnects(suite)) {
    test(`calls \`closed\` once when its client disconnects: ${name}`, async (start) => {
      const server = await start();
      disconnect(await connectToSink(server));
      await assertClosedOnce(server, () => callAfterEnd(server));
    });
  }

  if (has("leavingBeforeAnswer")) {
    for (const { name, disconnect } of allDisconnects(suite)) {
      test(`calls \`closed\` once when its client disconnects before the response begins: ${name}`, async (start) => {
        const server = await start();
        const client = server.send(await server.serve({ sink: SINK, ready: "response" }));
        await untilSink(server, ({ method }) => assert.equal(method, "GET"));
        disconnect(client);
        await untilSink(server, ({ aborted }) => assert(aborted, "The signal of the request did not abort."));
        await server.openBarrier("response");
        await assertClosedOnce(server, () => callAfterEnd(server));
      });
    }
  }

  test("returns false from `write` when the transport is full, and calls `drained` when the client reads again", async (start) => {
    const server = await start();
    const client = await connectToSink(server);
    let blocks = 0;
    for (let round = 0; round < 2; round++) {
      client.pause();
      blocks += await fillTransport(server);
      const { drained } = await server.sinkState(SINK);
      client.resume();
      await untilSink(server, (state) => assert(state.drained > drained, "`drained` was not called."));
    }
    await server.endSink(SINK, "close");
    assert.equal(await client.finished(), "ended");
    assert.equal(client.text.length, FIRST_BLOCK.length + blocks * BLOCK.length);
  });

  if (has("direct")) {
    test("has no queue of its own for a client that does not read", async (start) => {
      const server = await start();
      const client = await connectToSink(server);
      client.pause();
      const [blocks, capacity] = [await fillTransport(server), await socketCapacity(BLOCK)];
      assert(blocks <= capacity + TOLERANCE, `It accepted ${blocks} blocks, a plain socket ${capacity}.`);
    });

    test("calls `closed` when the client has received everything, if it is closed while full", async (start) => {
      const server = await start();
      const client = await connectToSink(server);
      client.pause();
      const blocks = await fillTransport(server);
      await server.endSink(SINK, "close");
      assert.equal((await server.writeToSink(SINK, BLOCK)).accepted, false);
      await server.settled();
      assert.equal((await server.sinkState(SINK)).closed, 0);
      client.resume();
      assert.equal(await client.finished(), "ended");
      assert.equal(client.text.length, FIRST_BLOCK.length + blocks * BLOCK.length);
      await assertClosedOnce(server);
    });
  }

  if (has("direct") && has("orderlyCut")) {
    test("sends everything that was written before a cut, if it is cut while full", async (start) => {
      const server = await start();
      const client = await connectToSink(server);
      client.pause();
      const blocks = await fillTransport(server);
      await server.endSink(SINK, "cut");
      assert.equal((await server.writeToSink(SINK, BLOCK)).accepted, false);
      await server.settled();
      assert.equal((await server.sinkState(SINK)).closed, 0);
      client.resume();
      await assertCutInOrder(client);
      assert.equal(client.text.length, FIRST_BLOCK.length + blocks * BLOCK.length);
      await assertClosedOnce(server);
    });
  }

  const whileFull: [string, SinkEnd[]][] = [
    ["destroyed while full", ["destroy"]],
    ["closed while full, then destroyed", ["close", "destroy"]],
    ["cut while full, then destroyed", ["cut", "destroy"]],
  ];
  for (const [name, ends] of whileFull) {
    test(`calls \`closed\` at once when it is ${name}`, async (start) => {
      const server = await start();
      const client = await connectToSink(server);
      client.pause();
      // The last block is one that the transport has not taken.
      const blocks = (await fillTransport(server)) + 1;
      await server.writeToSink(SINK, BLOCK);
      await server.endSink(SINK, ...ends);
      await assertClosedOnce(server);
      client.resume();
      await client.finished();
      assert(
        client.text.length < FIRST_BLOCK.length + blocks * BLOCK.length,
        "The client received what was buffered.",
      );
    });
  }

  test("does not modify the bytes that it is given", async (start) => {
    const server = await start();
    const client = await connectToSink(server);
    await server.writeSharedBuffer(SINK);
    await client.until("data: shared\n\ndata: shared\n\n");
    assert.equal(await server.sharedBuffer(), "data: before\n\ndata: shared\n\ndata: behind\n\n");
  });
}

/** Calls every method of a sink that is over: none has an effect. */
async function callAfterEnd(server: RemoteServer): Promise<void> {
  assert.equal((await server.writeToSink(SINK, BLOCK)).accepted, false);
  await server.endSink(SINK, "close", "cut", "destroy", "abandon");
}

/** Waits for `closed`, and asserts that nothing makes the adapter call it again. */
async function assertClosedOnce(server: RemoteServer, afterwards?: () => Promise<void>): Promise<void> {
  await untilSink(server, ({ closed }) => assert(closed > 0, "`closed` was not called."));
  await afterwards?.();
  await server.until(({ pendingCalls }) =>
    assert.equal(pendingCalls, 0, "calls of the adapter that have not settled"),
  );
  await server.settled();
  const { closed, closedEarly } = await server.sinkState(SINK);
  assert.equal(closed, 1);
  assert(!closedEarly, "`closed` was called before `open` returned the sink.");
}
