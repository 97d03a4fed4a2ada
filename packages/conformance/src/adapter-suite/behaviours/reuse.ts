import assert from "node:assert/strict";
import { allLeavings, SOON } from "../leavings.ts";
import { BEGUN, begunClient, SEAM, untilBegun, untilProbed } from "../seam.ts";
import { TERMINAL_ID } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** Node warns of an eleventh listener of one kind. */
const MANY = 12;

const stopped = { headers: { "last-event-id": TERMINAL_ID } };

/** A connection serves one request after the other, or several at once. */
export function reuse(suite: Suite): void {
  const { test, has, wasCut } = suite;
  if (has("keepAlive")) {
    test("serves the next request, after a 204, a HEAD and an ended stream", async (begin) => {
      const server = await begin();
      await server.open("job");
      await server.push("job", [{ data: "all" }]);
      await server.end("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path, stopped);
      assert.equal(await first.over(), "ended");
      const second = await first.again({ path }).answered();
      assert.equal(second.status, 200);
      assert.equal(await second.over(), "ended");
      const third = await second.again({ path, ...stopped }).answered();
      assert.equal(third.status, 204);
      const fourth = await third.again({ path, method: "HEAD" }).answered();
      assert.equal(await fourth.over(), "ended");
      const fifth = await fourth.again({ path }).answered();
      assert((await fifth.until("event: stream.end")).includes("data: all\n\n"));
      assert.equal(await fifth.over(), "ended");
    });

    test("serves the next request, whatever a sink is told after its end", async (begin) => {
      const server = await begin();
      const path = await server.serve({ stream: "job" });
      const first = await begunClient(server);
      await server.over(SEAM, "close");
      assert.equal(await first.over(), "ended");
      await untilProbed(server, ({ closed }) => assert.equal(closed, 1));
      await server.write(SEAM, BEGUN);
      await server.over(SEAM, "close", "destroy", "leave");
      await server.settled();
      assert.equal((await first.again({ path, ...stopped }).answered()).status, 204);
    });

    for (const { name, leave } of allLeavings(suite)) {
      test(`sees the client of a later request leave: ${name}`, async (begin) => {
        const server = await begin();
        await server.open("job");
        const path = await server.serve({ stream: "job" });
        const first = await server.get(path, stopped);
        const second = await first.again({ path }).answered();
        await second.until("event: stream.live");
        leave(second);
        const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0), SOON);
        assert.equal(closed[0]?.reason, "disconnected");
      });
    }

    test("keeps nothing on it for requests that are over", async (begin) => {
      const server = await begin();
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
          assert.equal(await client.over(), "ended");
          client = await client.again({ path }).answered();
        }
        await server.settled();
      } finally {
        process.off("warning", warned);
      }
      assert.deepEqual(warnings, []);
    });
  }

  test("is not taken from others when one of them is cut", async (begin) => {
    const server = await begin();
    await server.open("job");
    const cut = await begunClient(server);
    const path = await server.serve({ stream: "job" });
    const left = cut.beside?.({ path }) ?? server.send(path);
    const stays = cut.beside?.({ path }) ?? server.send(path);
    await Promise.all([left.until("event: stream.live"), stays.until("event: stream.live")]);
    await server.over(SEAM, "destroy");
    await wasCut(cut);
    left.reset();
    await server.until(({ gauges }) => assert.equal(gauges.connections, 1));
    await server.push("job", [{ data: "after" }]);
    await stays.until("data: after\n\n");
  });

  if (has("pipelining")) {
    test("serves requests that do not wait for each other", async (begin) => {
      const server = await begin();
      await server.open("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path);
      await first.until("event: stream.live");
      const second = first.again({ path });
      const third = first.again({ path, ...stopped });
      await server.until(({ gauges }) => assert.equal(gauges.connections, 2));
      await server.end("job", { data: "all" });
      for (const client of [first, second]) {
        assert.equal(await client.over(), "ended");
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

    test("lets go of a request that is destroyed before its turn, and of no other", async (begin) => {
      const server = await begin();
      await server.open("job");
      const first = await server.get(await server.serve({ stream: "job" }));
      await first.until("event: stream.live");
      first.again({ path: await server.serve({ probe: SEAM }) });
      await untilBegun(server);
      await server.over(SEAM, "destroy");
      await untilProbed(server, ({ closed }) => assert.equal(closed, 1));
      await server.push("job", [{ data: "after" }]);
      await first.until("data: after\n\n");
    });

    test("lets go of every request when it is cut", async (begin) => {
      const server = await begin();
      await server.open("job");
      const path = await server.serve({ stream: "job" });
      const first = await server.get(path);
      await first.until("event: stream.live");
      first.again({ path });
      first.again({ path });
      await server.until(({ gauges }) => assert.equal(gauges.connections, 3));
      first.cut();
      const { closed } = await server.until(({ gauges, handling }) => {
        assert.equal(gauges.connections, 0);
        assert.equal(handling, 0);
      }, 1_000);
      assert.deepEqual(
        closed.map(({ reason }) => reason),
        Array(3).fill("disconnected"),
      );
    });
  }
}
