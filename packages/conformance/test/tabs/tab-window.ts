import type { BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import type { TabOptions, TabReport } from "./tab-page.ts";
import type { TabServer } from "./tab-server.ts";

/** The tabs of one user in a browser. */
export class TabWindow {
  readonly pages: Page[] = [];
  readonly options: TabOptions;
  readonly #context: BrowserContext;
  readonly #server: TabServer;

  constructor(context: BrowserContext, server: TabServer, options: Omit<TabOptions, "url">) {
    this.#context = context;
    this.#server = server;
    this.options = { ...options, url: `${server.url}/live` };
  }

  async open(): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(`${this.#server.url}/tab`);
    await page.evaluate(`globalThis.tab = tabs.startTab(${JSON.stringify(this.options)}); undefined`);
    this.pages.push(page);
    return page;
  }

  async close(page: Page): Promise<void> {
    this.pages.splice(this.pages.indexOf(page), 1);
    await page.close();
  }

  async closeAll(): Promise<void> {
    for (const page of [...this.pages]) await this.close(page);
  }

  /** The page that reads for the others. */
  leader(pages: readonly Page[] = this.pages): Promise<Page> {
    return eventually(async () => {
      const roles = await Promise.all(pages.map(async (page) => (await reportOf(page)).role));
      const index = roles.indexOf("leader");
      expect(index).toBeGreaterThanOrEqual(0);
      return pages[index] as Page;
    });
  }

  /** Resolves when these pages have every event that was pushed until now. */
  async catchUp(pages: readonly Page[] = this.pages): Promise<TabReport[]> {
    const count = this.#server.pushed(this.options.user);
    return eventually(async () => {
      const reports = await Promise.all(pages.map(reportOf));
      expect(Math.min(...reports.flatMap(({ last }) => last))).toBeGreaterThanOrEqual(count);
      return reports;
    });
  }
}

export const reportOf = (page: Page): Promise<TabReport> => page.evaluate<TabReport>("tab.report()");
