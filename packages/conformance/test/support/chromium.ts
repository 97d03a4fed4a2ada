import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { findChromium } from "../../../../examples/common/test/chromium.ts";

const launch = findChromium();

/** Tests in this machine's Chromium: one page for all of them, since a new one takes its time. */
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
