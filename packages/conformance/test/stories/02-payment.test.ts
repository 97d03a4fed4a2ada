import { describe, expect, test } from "vitest";
import { control, cursorOf, heardBy, stage, toldTo } from "./stage.ts";

/*
 * The page connects to its order's stream when the customer goes to pay. Nothing exists yet; the work begins when the
 * payment has landed, if it does.
 */

describe.each([
  ["and nobody knows of it yet", {}],
  ["and the database says that it is to be paid", { snapshot: () => ({ state: "pending" as const }) }],
])("a page connects before the payment, %s", (_who, options) => {
  test("the payment lands at 89 s: the page gets its tokens live", async () => {
    const { registry, clock, come } = await stage(() => options);
    const page = await come("order");
    await page.until("waiting");
    await clock.advance(89_000);
    expect(page.state).toBe("open");
    const job = await registry.open("order");
    job.push({ event: "token", data: "Thank" });
    await page.until("Thank");
    job.push({ event: "token", data: "you" });
    await job.end({ event: "done" });
    await page.over();
    expect(heardBy(page)).toEqual([
      "stream.open",
      "stream.open",
      "stream.live",
      "token Thank",
      "token you",
      "done ",
      "stream.end",
    ]);
    expect(control(page, "open")).toMatchObject([{ state: "waiting" }, { state: "live", first: 1 }]);
    // It was kept alive meanwhile.
    expect(page.text.split("\n").filter((line) => line === ":").length).toBeGreaterThanOrEqual(5);
  });

  test("the payment lands at 91 s: the page was asked to come back, and gets it all", async () => {
    const { registry, clock, come, closed } = await stage(() => options);
    const page = await come("order");
    await page.until("waiting");
    await clock.advance(91_000);
    expect(await page.over()).toBe("ended");
    expect(control(page, "drain")).toEqual([{ reason: "waiting" }]);
    const job = await registry.open("order");
    job.push({ event: "token", data: "Thank" });
    job.push({ event: "token", data: "you" });
    const back = await come("order", cursorOf(page));
    await back.until("stream.live");
    await job.end({ event: "done" });
    await back.over();
    expect(toldTo(back)).toEqual(["token Thank", "token you", "done "]);
    for (const client of [page, back]) expect(heardBy(client)).not.toContain("stream.error");
    expect(closed.map(({ reason }) => reason)).toEqual(["waiting", "ended"]);
  });

  test("the payment lands after an hour: the page comes back and waits on, as often as it takes", async () => {
    const { registry, clock, come } = await stage(() => options);
    for (let minutes = 0; minutes < 60; minutes += 1.5) {
      const page = await come("order");
      await page.until("waiting");
      await clock.advance(90_000);
      expect(await page.over()).toBe("ended");
      expect(heardBy(page)).toEqual(["stream.open", "stream.drain"]);
    }
    const page = await come("order");
    const job = await registry.open("order");
    await job.end({ event: "done" });
    await page.over();
    expect(toldTo(page)).toEqual(["done "]);
  });
});
