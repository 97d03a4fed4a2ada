import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { bundleClient } from "../support/bundle.ts";

const BLANK = `<link rel="icon" href="data:,">`;

/** Opens a page of the same origin as `url` and loads the client into it, until the test is finished. */
export async function openClientPage(page: Page, url: string): Promise<void> {
  await loadClient(page, url);
  onTestFinished(async () => void (await page.goto("about:blank")));
}

/** Goes to a page of the same origin as `url`, and loads the client into it. */
export async function loadClient(page: Page, url: string): Promise<void> {
  const blank = new URL("/blank", url).href;
  // The server does not have this page.
  await page.route(blank, (route) => route.fulfill({ contentType: "text/html", body: BLANK }));
  await page.goto(blank);
  await page.unrouteAll();
  await page.addScriptTag({ content: await bundleClient() });
}
