import { onTestFinished } from "vitest";
import { bundleClient } from "../support/bundle.ts";
import { shortDelays } from "../support/short-delays.ts";
import { BLANK } from "../support/stream-server.ts";
import {
  type Dispatched,
  type EventSourceImplementation,
  reportEvents,
  type Traits,
} from "./implementation.ts";

/** A page of any browser: these are methods of Playwright's `Page`. */
interface BrowserPage {
  goto(url: string): Promise<unknown>;
  evaluate<Result>(script: string): Promise<Result>;
  exposeFunction<Argument>(name: string, callback: (argument: Argument) => void): Promise<unknown>;
}

/** The browser's implementation and ours, each in a document of its own. */
export function inBrowser(
  browser: string,
  page: () => BrowserPage,
  traits: Traits = {},
): EventSourceImplementation[] {
  let count = 0;
  const implementation = (
    name: string,
    create: string,
    script: () => Promise<string> | string = () => "",
  ): EventSourceImplementation => ({
    name,
    async listen(url, types = []) {
      const source = `source${count}`;
      const report = `report${count++}`;
      const dispatched: Dispatched[] = [];
      await page().exposeFunction<Dispatched>(report, (event) => void dispatched.push(event));
      const blank = new URL(BLANK, url).href;
      if ((await page().evaluate<string>("location.href")) !== blank) {
        await page().goto(blank);
        onTestFinished(async () => void (await page().goto("about:blank")));
      }
      await page().evaluate(`
        ${await script()}
        var url = ${JSON.stringify(url)};
        var ${source} = ${create};
        (${reportEvents.toString()})(${source}, ${JSON.stringify(types)}, ${report});
      `);
      return { dispatched, state: () => page().evaluate<number>(`${source}.readyState`) };
    },
  });
  return [
    { ...implementation(browser, "new EventSource(url)"), ...traits },
    implementation(
      `ResilientEventSource, as the standard requires, in ${browser}`,
      `new holdfast.ResilientEventSource(url, { policy: "standard", clock: (${shortDelays.toString()})() })`,
      bundleClient,
    ),
  ];
}
