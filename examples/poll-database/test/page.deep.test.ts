import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { Gate } from "./gate.ts";
import { finish, openTable, write } from "./open-table.ts";
import { serveApp } from "./serve-app.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");

describe.skipIf(launch === undefined)("the page", () => {
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

  /** Waits for a figure among those on the server. */
  const figure = (page: Page, name: string, value: string) =>
    panel(page, "On the server")
      .locator("div", { has: page.getByText(name, { exact: true }) })
      .locator("dd", { hasText: new RegExp(`^${value}$`) })
      .waitFor();

  test("the switches break the database, and its readers hear of it and miss nothing", async () => {
    const table = openTable();
    const gate = new Gate();
    const app = await serveApp(table, { slowness: gate.pass });
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
      await becomes(one, "in trouble");
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
    await until(() => gate.waiting === 1);
    write(table, id, 16, 20, 20);
    finish(table, id, 21);
    await figure(page, "Row of this job", "done");
    await shows(reader, "15 events, 0 missed, 0 doubled");
    await page.getByLabel("Slow reads").uncheck();
    await until(() => !app.reads.slow);
    gate.open();
    for (const one of both) {
      await becomes(one, "ended: done");
      await shows(one, "21 events, 0 missed, 0 doubled");
      await shows(one, "The slices that came add up to the 20 primes that the job has counted.");
    }
    await figure(page, "Polling loops", "0");
    await takeScreenshots(page, join(screenshots, "done"));

    await page.reload();
    await shows(reader, "open; the stream is ended and holds 1 to 21");
    await becomes(reader, "ended: done");
    await shows(reader, "21 events, 0 missed, 0 doubled");
  });

  test("a deleted row ends the stream, and there is nothing to come back to", async () => {
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
    // What was asked two seconds ago still counts: it may take another look to learn that there is no such row.
    const stream = page.url().replace("/?job=", "/jobs/") + "/stream";
    await expect.poll(async () => (await fetch(stream)).status, { timeout: 20_000 }).toBe(404);
    await page.reload();
    await becomes(reader, "refused");
  });

  test("who cuts the connection and comes back goes on behind what it has", async () => {
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
    await shows(reader, "connection lost; EventSource comes back by itself");
    write(table, id, 5, 5);
    await shows(reader, "5 events, 0 missed, 0 doubled");
  });
});
