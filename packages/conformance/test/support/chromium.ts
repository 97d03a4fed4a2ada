import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { findChromium } from "../../../../examples/common/test/chromium.ts";

const launch = findChromium();

/** Tests in Chromium. They share one page, because a new one is slow to open. */
export function describeInChromium(name: string, tests: (page: () => Page) => void): void {
  describe.skipIf(launch === undefined)(name, () => {
    let browser: Browser;
    let page: Page;
    beforeAll(async () => {
      browser = await (launch as () => Promise<Browser>)();
      page = await browser.newPage();
    });
    afterAll(() => browser.close());
    tests(() => page);
  });
}
