import type { Snapshot } from "@holdfast/core";
import { expect, test } from "vitest";
import { controlData, cursorOf, eventNames, startService } from "./service.ts";

/*
 * Scenario: the database row that a client waits for is deleted, or never existed. Covers registry/ and stream/ of core: the
 * stream look-up and the snapshot poller.
 */

test("the row is deleted while its client waits: the client receives `GONE`, and the polling ends", async () => {
  let row: Snapshot<Record<string, unknown>> | undefined = { state: "pending" };
  let snapshots = 0;
  const { clock, connect, registry } = await startService(() => ({
    snapshot: () => {
      snapshots++;
      return row;
    },
  }));
  const client = await connect("job");
  await client.until("waiting");
  await clock.advance(10_000);
  row = undefined;
  await clock.advance(2_400);
  expect(await client.finished()).toBe("ended");
  expect(eventNames(client)).toEqual(["stream.open", "stream.error", "stream.end"]);
  expect(controlData(client, "error")).toMatchObject([{ code: "GONE", retryable: false }]);
  expect(controlData(client, "end")).toEqual([{ status: "lost" }]);
  expect(cursorOf(client)).toMatch(/^[0-9a-z]{10}\.0\.end$/);
  // A browser reconnects all the same, and the 204 stops it.
  expect((await connect("job", cursorOf(client))).status).toBe(204);
  const before = snapshots;
  await clock.advance(60_000);
  expect([snapshots, registry.size, clock.timers]).toEqual([before, 0, 0]);
});

test("the row never existed: 404, and nothing is kept", async () => {
  const { clock, connect, registry, closed } = await startService(() => ({ snapshot: () => undefined }));
  const client = await connect("job");
  expect(client.status).toBe(404);
  expect(client.headers).toMatchObject({ "cache-control": "no-store" });
  await client.finished();
  await clock.advance(2_000);
  expect([registry.size, clock.timers, closed]).toEqual([0, 0, []]);
});
