import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { openPage } from "../../common/test/open-page.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { serveApp } from "./serve-app.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");
const LEADERS = 3;

describe.skipIf(launch === undefined)("the page of the dashboard", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await (launch as () => Promise<Browser>)();
  });
  afterAll(() => browser.close());

  const click = (within: Page | Locator, name: string): Promise<void> =>
    within.getByRole("button", { name, exact: true }).click();
  const figure = async (page: Page, name: string): Promise<number> =>
    Number(
      await page
        .locator("div", { has: page.getByText(name, { exact: true }) })
        .locator("dd")
        .last()
        .textContent(),
    );
  /** The counts of a tab, or those of all tabs together. */
  const counts = async (within: Page | Locator): Promise<readonly number[]> => {
    const text = (await within.locator("#count").textContent()) ?? "";
    return (
      text
        .replaceAll(",", " ")
        .match(/\d[\d ]*(?= \w)/g)
        ?.map((number) => Number(number.replaceAll(" ", ""))) ?? []
    );
  };
  const frames = (page: Page) => page.locator(".tab iframe").all();

  /** Waits until each tab has received something new. */
  async function untilAllGoOn(page: Page): Promise<void> {
    const tabs = (await frames(page)).map((frame) => frame.contentFrame().locator("body"));
    const before = await Promise.all(tabs.map(async (tab) => (await counts(tab))[0] ?? 0));
    await until(async () => {
      const now = await Promise.all(tabs.map(async (tab) => (await counts(tab))[0] ?? 0));
      return now.every((count, index) => count > (before[index] as number));
    });
  }

  test("tabs have one connection, and a leader that is closed costs nobody an event", async () => {
    const page = await openPage(browser, await serveApp());
    await page.getByText("All tabs share one connection.").waitFor();
    await click(page, "Start a job");
    await click(page, "Open five tabs");
    await until(async () => (await figure(page, "Streams that they read")) === 9 * 3);
    await untilAllGoOn(page);
    await takeScreenshots(page, screenshots);
    for (let closed = 1; closed <= LEADERS; closed++) {
      await page.locator(".tab.leader").waitFor();
      await click(page, "Close the leader");
      await until(async () => (await figure(page, "Leaders closed")) === closed);
      await untilAllGoOn(page);
      await click(page, "Open a tab");
    }
    await page.getByText("All tabs share one connection.").waitFor();
    const [received, missed, doubled] = await counts(page.locator("#result"));
    expect(received).toBeGreaterThan(9 * LEADERS);
    expect([missed, doubled]).toEqual([0, 0]);
    // A connection that has just been given up may still be counted.
    await until(async () => (await figure(page, "Connections of the server")) === 1);
  });

  test("a second window shares the connection, and goes on when the first one is left", async () => {
    const first = await openPage(browser, await serveApp());
    await first.getByText("All tabs share one connection.").waitFor();
    const opened = first.context().waitForEvent("page");
    await first.getByRole("link", { name: "Open this page again" }).click();
    const second = await opened;
    await second.getByText("All tabs share one connection.").waitFor();
    await untilAllGoOn(second);
    expect(await second.locator(".tab.leader").count()).toBe(0);
    await first.goto("about:blank");
    await second.locator(".tab.leader").waitFor();
    await untilAllGoOn(second);
    expect((await counts(second.locator("#result"))).slice(1)).toEqual([0, 0]);
  });
});
