import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { bundleClient } from "../support/bundle.ts";
import { type Dispatched, type EventSourceImplementation, reportEvents } from "./implementation.ts";
import { BLANK } from "../support/stream-server.ts";

/** An `EventSource` in a page. */
interface Implementation {
  readonly name: string;
  /** A script that the page loads first. */
  readonly script?: () => Promise<string>;
  /** An expression that creates one for `url`. */
  readonly create: string;
}

const CHROMIUM: Implementation = { name: "Chromium", create: "new EventSource(url)" };

const RESILIENT: Implementation = {
  name: "ResilientEventSource, as the standard requires, in Chromium",
  script: bundleClient,
  create: `new holdfast.ResilientEventSource(url, { policy: "standard" })`,
};

/** Chromium's implementation and ours, each in a document of its own. */
export function inChromium(page: () => Page): EventSourceImplementation[] {
  let count = 0;
  return [CHROMIUM, RESILIENT].map(({ name, script, create }) => ({
    name,
    async listen(url, types = []) {
      const dispatched: Dispatched[] = [];
      const report = `report${count++}`;
      await page().exposeFunction(report, (event: Dispatched) => void dispatched.push(event));
      await page().goto(new URL(BLANK, url).href);
      onTestFinished(async () => void (await page().goto("about:blank")));
      await page().evaluate(`
        ${(await script?.()) ?? ""}
        var url = ${JSON.stringify(url)};
        var source = ${create};
        (${reportEvents.toString()})(source, ${JSON.stringify(types)}, ${report});
      `);
      return { dispatched, state: () => page().evaluate<number>("source.readyState") };
    },
  }));
}
