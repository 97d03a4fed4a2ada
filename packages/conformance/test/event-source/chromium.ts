import type { Browser } from "playwright-core";
import { onTestFinished } from "vitest";
import { type Heard, type NativeClient, passOn } from "./native-client.ts";
import { BLANK } from "./origin.ts";

/** Chromium's own: each `EventSource` in a page of its own. */
export function inChromium(browser: () => Browser): NativeClient {
  return {
    name: "Chromium",
    async listen(url, types = []) {
      const page = await browser().newPage();
      onTestFinished(() => page.close());
      const heard: Heard[] = [];
      await page.exposeFunction("tell", (said: Heard) => void heard.push(said));
      await page.goto(new URL(BLANK, url).href);
      await page.evaluate(`
        var source = new EventSource(${JSON.stringify(url)});
        (${passOn.toString()})(source, ${JSON.stringify(types)}, tell);
      `);
      return { heard, state: () => page.evaluate<number>("source.readyState") };
    },
  };
}
