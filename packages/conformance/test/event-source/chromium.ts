import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { bundleClient } from "../support/bundle.ts";
import { type Heard, type NativeClient, passOn } from "./native-client.ts";
import { BLANK } from "./origin.ts";

/** An `EventSource` in a page. */
interface Implementation {
  readonly name: string;
  /** What the page loads before. */
  readonly script?: () => Promise<string>;
  /** Makes one for `url`. */
  readonly create: string;
}

const CHROMIUM: Implementation = { name: "Chromium", create: "new EventSource(url)" };

const RESILIENT: Implementation = {
  name: "ResilientEventSource, as the standard says, in Chromium",
  script: bundleClient,
  create: `new holdfast.ResilientEventSource(url, { policy: "standard" })`,
};

/** Chromium's own, and ours: each in a document of its own. */
export function inChromium(page: () => Page): NativeClient[] {
  let listened = 0;
  return [CHROMIUM, RESILIENT].map(({ name, script, create }) => ({
    name,
    async listen(url, types = []) {
      const heard: Heard[] = [];
      const tell = `tell${listened++}`;
      await page().exposeFunction(tell, (said: Heard) => void heard.push(said));
      await page().goto(new URL(BLANK, url).href);
      onTestFinished(async () => void (await page().goto("about:blank")));
      await page().evaluate(`
        ${(await script?.()) ?? ""}
        var url = ${JSON.stringify(url)};
        var source = ${create};
        (${passOn.toString()})(source, ${JSON.stringify(types)}, ${tell});
      `);
      return { heard, state: () => page().evaluate<number>("source.readyState") };
    },
  }));
}
