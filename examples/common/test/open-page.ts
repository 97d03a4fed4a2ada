import type { Browser, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";

/** Opens a page in a new browser context. The test fails if a script of the page throws. */
export async function openPage(
  browser: Browser,
  url: string,
  prepare?: (newPage: Page) => Promise<unknown>,
): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  const errors: unknown[] = [];
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => errors.push(error));
  onTestFinished(async () => {
    await page.close();
    expect(errors).toEqual([]);
  });
  await prepare?.(page);
  await page.goto(url);
  return page;
}
