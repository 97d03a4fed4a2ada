import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { becomes, click, region, shows } from "../../common/test/panels.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { hasRedis, runExample } from "./run-example.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined || !hasRedis)("the page of the example with two servers", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  test("a job survives a killed web server and a flushed Redis, and can be cancelled on either server", async () => {
    const example = await runExample();
    const page = await openPage(browser, example.url);
    const [a, b] = [region(page, "Web server A"), region(page, "Web server B")];
    const [worker, redis] = [region(page, "Worker"), region(page, "Redis")];
    for (const machine of [a, b, worker, redis]) await becomes(machine, "running");
    await click(a, "Start a job here");
    for (const panel of [a, b]) await becomes(panel, "live");

    await click(a, "kill -9");
    await becomes(a, "dead");
    await becomes(a, "retrying");
    expect(await a.getByRole("button", { name: "Start a job here" }).isDisabled()).toBe(true);
    await becomes(b, "live");
    await takeScreenshots(page, join(screenshots, "killed"));
    await click(a, "Start");
    await becomes(a, "running");
    await becomes(a, "live");

    await click(redis, "FLUSHALL");
    await shows(redis, /^\d+ keys? deleted at /);
    await click(b, "Cancel the job here");
    for (const panel of [a, b]) {
      await becomes(panel, "ended: cancelled");
      await shows(panel, /^The job was cancelled; all of its events arrived\.$/);
      await shows(panel, /^(\d+) of \1 events, 0 missed, 0 doubled$/);
      expect(await panel.getByRole("button", { name: "Cancel the job here" }).isDisabled()).toBe(true);
    }
    await takeScreenshots(page, join(screenshots, "cancelled"));

    await click(worker, "kill -9");
    await becomes(worker, "dead");
    await click(b, "Start a job here");
    for (const panel of [a, b]) await becomes(panel, "waiting");
    await takeScreenshots(page, join(screenshots, "waiting"));
    await click(worker, "Start");
    for (const panel of [a, b]) await becomes(panel, "live");
  });

  test("missing events and a lost job are shown", async () => {
    const example = await runExample();
    const step = (seq: number): string =>
      `event: step\nid: 0123456789.${seq}\ndata: {"step":${seq},"of":5}\n\n`;
    const end = `event: stream.end\nid: 0123456789.5.end\ndata: {"status":"lost"}\n\n`;
    const streams = { a: step(1) + step(2) + step(3) + step(4) + end, b: step(1) + step(3) + step(4) + end };
    const page = await openPage(browser, `${example.url}/?job=made-up`, async (newPage) => {
      for (const name of ["a", "b"] as const) {
        await newPage.route(`${example.urlOf(name)}/jobs/made-up/stream`, (route) =>
          route.fulfill({
            contentType: "text/event-stream",
            headers: { "access-control-allow-origin": example.url },
            body: streams[name],
          }),
        );
      }
    });
    const [a, b] = [region(page, "Web server A"), region(page, "Web server B")];
    await shows(a, /^4 of 4 events, 0 missed, 0 doubled$/);
    await shows(a, /^The worker of the job died; all of its events arrived\.$/);
    await shows(b, /^3 of 4 events, 1 missed, 0 doubled$/);
    await shows(b, /^The worker of the job died; events are missing or came twice\.$/);
    for (const panel of [a, b]) await becomes(panel, "ended: lost");
    await b.locator("[data-proof=wrong]").waitFor();
  });
});
