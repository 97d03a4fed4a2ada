import assert from "node:assert/strict";
import type { BareName } from "../../subject/sources.ts";
import { allLeavings, leavings, SOON } from "../leavings.ts";
import type { Suite } from "../suite.ts";

/** A bare source is let go, once, when its client leaves: wherever that source is. */
export function lettingGo(suite: Suite): void {
  const { test } = suite;
  const cases = [
    ...allLeavings(suite).map((leaving) => ["a quiet generator", "one", "data: one\n\n", leaving] as const),
    ...allLeavings(suite).map(
      (leaving) => ["a generator that yields", "ticking", "data: 3\n\n", leaving] as const,
    ),
    ...leavings(suite).map((leaving) => ["a web stream", "openWebStream", "data: one\n\n", leaving] as const),
    ...leavings(suite).map(
      (leaving) => ["a function, by its cleanup", "pushingOne", "data: one\n\n", leaving] as const,
    ),
  ] satisfies (readonly [string, BareName, string, unknown])[];
  for (const [what, bare, until, { name, leave }] of cases) {
    test(`${what}: ${name}`, async (begin) => {
      const server = await begin();
      const client = await server.get(await server.serve({ bare }));
      await client.until(until);
      leave(client);
      await server.until(({ runs }) => assert.equal(runs.finished, 1), SOON);
      await server.until(({ handling, closed }) => {
        assert.equal(handling, 0);
        assert.equal(closed[0]?.reason, "disconnected");
      });
      assert.equal((await server.seen()).runs.finished, 1);
    });
  }

  for (const { name, leave } of allLeavings(suite)) {
    test(`a function whose set-up is awaited: ${name}`, async (begin) => {
      const server = await begin();
      const client = await server.get(await server.serve({ bare: "settingUp" }));
      await client.until("retry:");
      await server.until(({ runs }) => assert.equal(runs.begun, 1));
      leave(client);
      await server.until(({ runs }) => assert.equal(runs.aborted, 1, "signals that aborted"), SOON);
      await server.openGate("settingUp");
      await server.until(({ runs }) => assert.equal(runs.finished, 1, "cleanups"));
      await server.settled();
      assert.equal((await server.seen()).runs.finished, 1);
    });
  }
}
