import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { BlockedReads } from "./blocked-reads.ts";
import { finish, openTable, write } from "./open-table.ts";
import { serveApp } from "./serve-app.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined)("the page of the polling example", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const panel = (page: Page, title = "Reader"): Locator =>
    page.getByRole("region", { name: title, exact: true });
  const click = (within: Page | Locator, name: string) => within.getByRole("button", { name }).click();
  const shows = (within: Page | Locator, text: string | RegExp) =>
    within.getByText(text, { exact: true }).first().waitFor();
  const becomes = (reader: Locator, state: string) => reader.locator(`[data-state="${state}"]`).waitFor();

  /** Waits for a value in the panel of the server's figures. */
  const figure = (page: Page, name: string, value: string) =>
    panel(page, "Server")
      .locator("div", { has: page.getByText(name, { exact: true }) })
      .locator("dd", { hasText: new RegExp(`^${value}$`) })
      .waitFor();

  test("when the switches break the database, the readers get an error and miss no event", async () => {
    const table = openTable();
    const blocked = new BlockedReads();
    const app = await serveApp(table, { delay: blocked.block });
    const page = await openPage(browser, app.url);
    await figure(page, "Polling loops", "0");
    await click(page, "Start a job");
    const reader = panel(page);
    await becomes(reader, "live");
    const id = new URL(page.url()).searchParams.get("job") as string;
    write(table, id, 1, 9, 20);
    await shows(reader, "9 of 20 slices");
    await click(page, "Open a second reader");
    const second = panel(page, "Second reader");
    const both = [reader, second];
    await shows(second, "9 events, 0 missed, 0 doubled");
    await figure(page, "Connections", "2");
    await figure(page, "Polling loops", "1");

    await page.getByLabel("Database down").check();
    for (const one of both) {
      await becomes(one, "server retrying");
      await shows(
        one,
        /^error SOURCE_FAILED: The source does not answer; trying again. \(retryAfter \d ms\)$/,
      );
    }
    write(table, id, 10, 15, 20);
    await figure(page, "Events in the table", "15");
    await shows(reader, "9 events, 0 missed, 0 doubled");
    await takeScreenshots(page, join(screenshots, "down"));
    await page.getByLabel("Database down").uncheck();
    for (const one of both) {
      await shows(one, "15 events, 0 missed, 0 doubled");
      await becomes(one, "live");
      expect(await one.getByText("error SOURCE_FAILED").count()).toBe(1);
    }

    await page.getByLabel("Slow reads").check();
    await until(() => blocked.count === 1);
    write(table, id, 16, 20, 20);
    finish(table, id, 21);
    await figure(page, "Row of this job", "done");
    await shows(reader, "15 events, 0 missed, 0 doubled");
    await page.getByLabel("Slow reads").uncheck();
    await until(() => !app.reads.slow);
    blocked.release();
    for (const one of both) {
      await becomes(one, "ended: done");
      await shows(one, "21 events, 0 missed, 0 doubled");
      await shows(one, "The received slices add up to 20 primes, the same number as the job's.");
    }
    await figure(page, "Polling loops", "0");
    await takeScreenshots(page, join(screenshots, "done"));

    await page.reload();
    await shows(reader, "open; the stream is ended and has events 1 to 21");
    await becomes(reader, "ended: done");
    await shows(reader, "21 events, 0 missed, 0 doubled");
  });

  test("deleting the row ends the stream, and after a reload the stream is refused", async () => {
    const table = openTable();
    const app = await serveApp(table);
    const page = await openPage(browser, app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    await becomes(reader, "live");
    await click(page, "Delete the row");
    await becomes(reader, "ended: failed");
    await shows(reader, "error GONE: It does not exist any more.");
    await figure(page, "Row of this job", "none");
    await figure(page, "Polling loops", "0");
    await takeScreenshots(page, join(screenshots, "deleted"));
    await click(page, "Delete the row");
    await shows(page.getByRole("alert"), "there is no such row");
    // The registry caches the last snapshot for a moment, so the 404 may come a little later.
    const stream = page.url().replace("/?job=", "/jobs/") + "/stream";
    await expect.poll(async () => (await fetch(stream)).status, { timeout: 60_000 }).toBe(404);
    await page.reload();
    await becomes(reader, "refused");
  });

  test("a reader that cuts its connection and reconnects continues after its last event", async () => {
    const table = openTable();
    const app = await serveApp(table, { linger: 60_000 });
    const page = await openPage(browser, app.url);
    await click(page, "Start a job");
    const reader = panel(page);
    await becomes(reader, "live");
    const id = new URL(page.url()).searchParams.get("job") as string;
    write(table, id, 1, 2);
    await shows(reader, "2 events, 0 missed, 0 doubled");
    await click(reader, "Cut the connection");
    await until(() => app.jobs.gauges().connections === 0);
    write(table, id, 3, 4);
    await until(() => app.jobs.get(id)?.last === 4);
    await click(reader, "Reconnect");
    await shows(reader, "4 events, 0 missed, 0 doubled");
    app.cutAll();
    await shows(reader, "connection lost; EventSource reconnects");
    write(table, id, 5, 5);
    await shows(reader, "5 events, 0 missed, 0 doubled");
  });

  test("a switch keeps its state when figures arrive that were requested before it was set", async () => {
    const app = await serveApp(openTable());
    const page = await openPage(browser, app.url);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const requested = Promise.withResolvers<void>();
    await page.route("**/stats", async (route) => {
      const response = await route.fetch();
      requested.resolve();
      await held;
      await route.fulfill({ response });
    });
    await requested.promise;
    const set = page.waitForResponse("**/faults");
    await page.getByLabel("Slow reads").check();
    await set;
    const seen = page.waitForResponse("**/stats");
    release();
    await (await seen).finished();
    await figure(page, "Polling loops", "0");
    expect(await page.getByLabel("Slow reads").isChecked()).toBe(true);
  });
});
