import assert from "node:assert/strict";
import { BEGUN, begunClient, BLOCK, fill, SEAM, untilBegun, untilProbed } from "../seam.ts";
import { allLeavings } from "../leavings.ts";
import type { Client } from "../../wire/client.ts";
import type { Server } from "../server.ts";
import type { Suite } from "../suite.ts";
import { blocksInTransit } from "../transport.ts";

/** Blocks that a server may keep on their way to the transport: 4 MiB. */
const SPARE = 64;

type Way = "close" | "destroy" | "leave";

/** The sink that core is given: what it says of a write, and that it is over once. */
export function sink(suite: Suite): void {
  const { test, has, wasCut } = suite;
  const ended = async (client: Client): Promise<void> => assert.equal(await client.over(), "ended");
  const ways: [string, Way[], (client: Client) => Promise<void>][] = [
    ["closed", ["close"], ended],
    ["closed twice", ["close", "close"], ended],
    ["destroyed", ["destroy"], wasCut],
    ["destroyed twice", ["destroy", "leave"], wasCut],
    ["destroyed, then closed", ["destroy", "close"], wasCut],
  ];
  for (const [name, over, seen] of ways) {
    test(`is over once: ${name}`, async (begin) => {
      const server = await begin();
      const client = await begunClient(server);
      await server.over(SEAM, ...over);
      await seen(client);
      assert.equal(client.text, BEGUN);
      await assertClosedOnce(server, () => tellLate(server));
    });
  }

  test("is over once: closed, for HEAD", async (begin) => {
    const server = await begin();
    const client = server.send(await server.serve({ probe: SEAM }), { method: "HEAD" });
    await untilBegun(server);
    await server.over(SEAM, "close");
    await ended(client);
    await assertClosedOnce(server, () => tellLate(server));
  });

  for (const { name, leave } of allLeavings(suite)) {
    test(`is over once when its client leaves: ${name}`, async (begin) => {
      const server = await begin();
      leave(await begunClient(server));
      await assertClosedOnce(server, () => tellLate(server));
    });
  }

  if (has("leavingBeforeAnswer")) {
    for (const { name, leave } of allLeavings(suite)) {
      test(`is over once when its client has left before it began: ${name}`, async (begin) => {
        const server = await begin();
        const client = server.send(await server.serve({ probe: SEAM, ready: "beginning" }));
        await untilProbed(server, ({ method }) => assert.equal(method, "GET"));
        leave(client);
        await untilProbed(server, ({ aborted }) => assert(aborted, "Its signal does not abort."));
        await server.openGate("beginning");
        await assertClosedOnce(server, () => tellLate(server));
      });
    }
  }

  test("says hold when the client takes no more, and drained when it does", async (begin) => {
    const server = await begin();
    const client = await begunClient(server);
    let blocks = 0;
    for (let round = 0; round < 2; round++) {
      client.pause();
      blocks += await fill(server);
      const { drained } = await server.probed(SEAM);
      client.resume();
      await untilProbed(server, (probed) => assert(probed.drained > drained, "It does not say drained."));
    }
    await server.over(SEAM, "close");
    assert.equal(await client.over(), "ended");
    assert.equal(client.text.length, BEGUN.length + blocks * BLOCK.length);
  });

  if (has("direct")) {
    test("keeps no queue of its own for a client that reads nothing", async (begin) => {
      const server = await begin();
      const client = await begunClient(server);
      client.pause();
      const [blocks, inTransit] = [await fill(server), await blocksInTransit(BLOCK)];
      assert(blocks <= inTransit + SPARE, `It takes ${blocks} blocks, and the transport ${inTransit}.`);
    });

    test("closed while it holds, is over when the client has everything", async (begin) => {
      const server = await begin();
      const client = await begunClient(server);
      client.pause();
      const blocks = await fill(server);
      await server.over(SEAM, "close");
      assert.equal((await server.write(SEAM, BLOCK)).taken, false);
      await server.settled();
      assert.equal((await server.probed(SEAM)).closed, 0);
      client.resume();
      assert.equal(await client.over(), "ended");
      assert.equal(client.text.length, BEGUN.length + blocks * BLOCK.length);
      await assertClosedOnce(server);
    });
  }

  const destroyed: [string, Way[]][] = [
    ["destroyed while it holds", ["destroy"]],
    ["closed while it holds, then destroyed", ["close", "destroy"]],
  ];
  for (const [name, over] of destroyed) {
    test(`${name}, is over at once`, async (begin) => {
      const server = await begin();
      const client = await begunClient(server);
      client.pause();
      const blocks = await fill(server);
      await server.over(SEAM, ...over);
      await assertClosedOnce(server);
      client.resume();
      await client.over();
      assert(
        client.text.length < BEGUN.length + blocks * BLOCK.length,
        "What it held was sent all the same.",
      );
    });
  }

  test("leaves the memory that it is given as it is", async (begin) => {
    const server = await begin();
    const client = await begunClient(server);
    await server.writeShared(SEAM);
    await client.until("data: shared\n\ndata: shared\n\n");
    assert.equal(await server.shared(), "data: before\n\ndata: shared\n\ndata: behind\n\n");
  });
}

/** Tells a sink that is over all that there is to tell: it does nothing. */
async function tellLate(server: Server): Promise<void> {
  assert.equal((await server.write(SEAM, BLOCK)).taken, false);
  await server.over(SEAM, "close", "destroy", "leave");
}

/** Waits for `closed`; nothing brings about another one. */
async function assertClosedOnce(server: Server, late?: () => Promise<void>): Promise<void> {
  await untilProbed(server, ({ closed }) => assert(closed > 0, "It does not say closed."));
  await late?.();
  await server.until(({ handling }) => assert.equal(handling, 0, "calls of the adapter that are not over"));
  await server.settled();
  const { closed, early } = await server.probed(SEAM);
  assert.equal(closed, 1);
  assert(!early, "It says closed before `open` has returned it.");
}
