import assert from "node:assert/strict";
import { TERMINAL_ID } from "../shapes.ts";
import type { Suite } from "../suite.ts";

const stopped = { headers: { "last-event-id": TERMINAL_ID } };

/** A connection serves one request after the other, or several at once. */
export function reuse({ test, has }: Suite): void {
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
  }

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
