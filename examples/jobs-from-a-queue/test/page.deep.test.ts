import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { click, shows } from "../../common/test/panels.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { textOfChapter } from "../text-of-chapter.ts";
import { hasRedis, runExample } from "./run-example.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined || !hasRedis)("the page of the example with a queue", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const becomes = (page: Page, state: string): Promise<void> =>
    page.locator(`#state[data-state="${state}"]`).waitFor();

  test("a report survives a model that fails and a worker that is killed, and a reload of the page", async () => {
    const { url } = await runExample();
    const page = await openPage(browser, url);
    await page.getByLabel("Topic").fill("glass");
    await click(page, "Write a report");
    await shows(page, /^Chapter 1 of 5, run 1, worker process \d+$/);
    await click(page, "Let the model fail");
    await becomes(page, "waiting");
    await shows(page, /, run 2, worker process \d+$/);
    await click(page, "kill -9 the worker");
    await shows(page, /, run 3, worker process \d+$/);
    await page.reload();
    await becomes(page, "ended: done");
    expect(await page.locator("#chapters p").allTextContents()).toEqual(
      [1, 2, 3, 4, 5].map((number) => textOfChapter("glass", number)),
    );
    await shows(page, /^\d+ events, 0 missed, 0 doubled$/);
    await page.locator("[data-proof=right]").waitFor();
    await takeScreenshots(page, join(screenshots, "done"));

    await click(page, "Write a report");
    await becomes(page, "live");
    await click(page, "Cancel");
    await becomes(page, "ended: cancelled");
    expect(await page.getByRole("button", { name: "Cancel", exact: true }).isDisabled()).toBe(true);
  });
});
