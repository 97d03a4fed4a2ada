import { expect } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import type { TabOptions, TabReport } from "./tab-page.ts";
import type { TabServer } from "./tab-server.ts";

/** A tab of any browser: these are methods of Playwright's `Page`. */
interface Tab {
  goto(url: string): Promise<unknown>;
  evaluate<Result>(script: string): Promise<Result>;
  close(): Promise<void>;
}

/** The tabs of one user in a browser. */
export class TabWindow<Page extends Tab> {
  readonly pages: Page[] = [];
  readonly options: TabOptions;
  readonly #newPage: () => Promise<Page>;
  readonly #server: TabServer;

  constructor(newPage: () => Promise<Page>, server: TabServer, options: Omit<TabOptions, "url">) {
    this.#newPage = newPage;
    this.#server = server;
    this.options = { ...options, url: `${server.url}/live` };
  }

  async open(): Promise<Page> {
    const page = await this.#newPage();
    await page.goto(`${this.#server.url}/tab`);
    await page.evaluate(`globalThis.tab = tabs.startTab(${JSON.stringify(this.options)}); undefined`);
    this.pages.push(page);
    return page;
  }

  async close(page: Page): Promise<void> {
    this.forget(page);
    await page.close();
  }

  /** Leaves a page out that is gone. */
  forget(page: Page): void {
    this.pages.splice(this.pages.indexOf(page), 1);
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.pages.splice(0).map((page) => page.close()));
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

export const reportOf = (page: Tab): Promise<TabReport> => page.evaluate<TabReport>("tab.report()");
