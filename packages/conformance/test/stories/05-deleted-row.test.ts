import type { Snapshot } from "@holdfast/core";
import { expect, test } from "vitest";
import { control, cursorOf, heardBy, stage } from "./stage.ts";

/*
 * The row that a client waits for is deleted, or was never there.
 */

test("the row is deleted while its client waits: it is told, and nobody asks for it any more", async () => {
  let row: Snapshot<Record<string, unknown>> | undefined = { state: "pending" };
  let asked = 0;
  const { clock, come, registry } = await stage(() => ({
    snapshot: () => {
      asked++;
      return row;
    },
  }));
  const client = await come("job");
  await client.until("waiting");
  await clock.advance(10_000);
  row = undefined;
  await clock.advance(2_400);
  expect(await client.over()).toBe("ended");
  expect(heardBy(client)).toEqual(["stream.open", "stream.error", "stream.end"]);
  expect(control(client, "error")).toMatchObject([{ code: "GONE", retryable: false }]);
  expect(control(client, "end")).toEqual([{ status: "failed" }]);
  expect(cursorOf(client)).toMatch(/^[0-9a-z]{10}\.0\.end$/);
  // A browser comes back all the same, and is stopped for good.
  expect((await come("job", cursorOf(client))).status).toBe(204);
  const before = asked;
  await clock.advance(60_000);
  expect([asked, registry.size, clock.timers]).toEqual([before, 0, 0]);
});

test("the row was never there: 404, and nothing is kept of it", async () => {
  const { clock, come, registry, closed } = await stage(() => ({ snapshot: () => undefined }));
  const client = await come("job");
  expect(client.status).toBe(404);
  expect(client.headers).toMatchObject({ "cache-control": "no-store" });
  await client.over();
  await clock.advance(2_000);
  expect([registry.size, clock.timers, closed]).toEqual([0, 0, []]);
});
