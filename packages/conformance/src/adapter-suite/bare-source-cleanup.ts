import assert from "node:assert/strict";
import type { BareName } from "../subject/bare-sources.ts";
import { allDisconnects, disconnects, NO_HEARTBEAT } from "../harness/disconnects.ts";
import type { Suite } from "../harness/suite.ts";

/** A bare source is cleaned up once when its client disconnects, whatever the source is doing. */
export function bareSourceCleanup(suite: Suite): void {
  const { test } = suite;
  const options = { heartbeat: NO_HEARTBEAT };
  const cases = [
    ...allDisconnects(suite).map((way) => ["a quiet generator", "one", "data: one\n\n", way] as const),
    ...allDisconnects(suite).map(
      (way) => ["a generator that yields", "ticking", "data: 3\n\n", way] as const,
    ),
    ...disconnects(suite).map((way) => ["a web stream", "openWebStream", "data: one\n\n", way] as const),
    ...disconnects(suite).map(
      (way) => ["a function, by calling its clean-up", "pushingOne", "data: one\n\n", way] as const,
    ),
  ] satisfies (readonly [string, BareName, string, unknown])[];
  for (const [what, bare, until, { name, disconnect }] of cases) {
    test(`cleans up ${what}: ${name}`, async (start) => {
      const server = await start();
      const client = await server.get(await server.serve({ bare, options }));
      await client.until(until);
      disconnect(client);
      await server.until(({ runs }) => assert.equal(runs.finished, 1));
      await server.until(({ pendingCalls, closed }) => {
        assert.equal(pendingCalls, 0);
        assert.equal(closed[0]?.reason, "disconnected");
      });
      assert.equal((await server.observed()).runs.finished, 1);
    });
  }

  for (const { name, disconnect } of allDisconnects(suite)) {
    test(`cleans up a function whose set-up has not finished: ${name}`, async (start) => {
      const server = await start();
      const client = await server.get(await server.serve({ bare: "settingUp", options }));
      await client.until("retry:");
      await server.until(({ runs }) => assert.equal(runs.begun, 1));
      disconnect(client);
      await server.until(({ runs }) => assert.equal(runs.aborted, 1, "signals that aborted"));
      await server.openBarrier("settingUp");
      await server.until(({ runs }) => assert.equal(runs.finished, 1, "clean-ups"));
      await server.settled();
      assert.equal((await server.observed()).runs.finished, 1);
    });
  }
}
