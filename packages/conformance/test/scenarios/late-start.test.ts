import { describe, expect, test } from "vitest";
import { controlData, cursorOf, eventNames, startService, userEvents } from "./service.ts";

/*
 * Scenario: a page connects to the stream of its order before the customer has paid. The stream does not exist yet; the work
 * starts when the payment arrives. Covers registry/ and stream/ of core: waiting clients, `wait` and the snapshot poller.
 */

describe.each([
  ["and there is no database", {}],
  ["and the database says `pending`", { snapshot: () => ({ state: "pending" as const }) }],
])("a page connects before the payment, %s", (_database, options) => {
  test("the payment arrives after 89 s: the page receives its tokens live", async () => {
    const { registry, clock, connect } = await startService(() => options);
    const page = await connect("order");
    await page.until("waiting");
    await clock.advance(89_000);
    expect(page.state).toBe("open");
    const job = await registry.open("order");
    job.push({ event: "token", data: "Thank" });
    await page.until("Thank");
    job.push({ event: "token", data: "you" });
    await job.end({ event: "done" });
    await page.finished();
    expect(eventNames(page)).toEqual([
      "stream.open",
      "stream.open",
      "stream.live",
      "token Thank",
      "token you",
      "done ",
      "stream.end",
    ]);
    expect(controlData(page, "open")).toMatchObject([{ state: "waiting" }, { state: "live", first: 1 }]);
    // Heartbeats kept the connection alive.
    expect(page.text.split("\n").filter((line) => line === ":").length).toBeGreaterThanOrEqual(5);
  });

  test("the payment arrives after 91 s: the page was drained, and receives everything when it reconnects", async () => {
    const { registry, clock, connect, closed } = await startService(() => options);
    const page = await connect("order");
    await page.until("waiting");
    await clock.advance(91_000);
    expect(await page.finished()).toBe("ended");
    expect(controlData(page, "drain")).toEqual([{ reason: "waiting" }]);
    const job = await registry.open("order");
    job.push({ event: "token", data: "Thank" });
    job.push({ event: "token", data: "you" });
    const back = await connect("order", cursorOf(page));
    await back.until("stream.live");
    await job.end({ event: "done" });
    await back.finished();
    expect(userEvents(back)).toEqual(["token Thank", "token you", "done "]);
    for (const client of [page, back]) expect(eventNames(client)).not.toContain("stream.error");
    expect(closed.map(({ reason }) => reason)).toEqual(["waiting", "ended"]);
  });

  test("the payment arrives after an hour: the page reconnects and waits until then", async () => {
    const { registry, clock, connect } = await startService(() => options);
    for (let minutes = 0; minutes < 60; minutes += 1.5) {
      const page = await connect("order");
      await page.until("waiting");
      await clock.advance(90_000);
      expect(await page.finished()).toBe("ended");
      expect(eventNames(page)).toEqual(["stream.open", "stream.drain"]);
    }
    const page = await connect("order");
    const job = await registry.open("order");
    await job.end({ event: "done" });
    await page.finished();
    expect(userEvents(page)).toEqual(["done "]);
  });
});
