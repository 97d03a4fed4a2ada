import { rmSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { buildPage } from "../build-page.ts";

/** Starts the browser and builds the page before the tests of a `describe`, and removes both behind them. */
export function useBrowser(launch: (() => Promise<Browser>) | undefined): {
  readonly browser: Browser;
  /** The folder of the built page. */
  readonly page: string;
} {
  const used = {} as { browser: Browser; page: string };
  beforeAll(async () => {
    [used.browser, used.page] = await Promise.all([(launch as () => Promise<Browser>)(), buildPage()]);
  });
  afterAll(async () => {
    await used.browser.close();
    rmSync(used.page, { recursive: true });
  });
  return used;
}
