// Random answers through the page, in Chromium: reloads, second tabs, cut connections, killed and replaced servers, and stops.
// `pnpm ai-chat:survival` runs 100.

import { describe, expect, test } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { startProxy } from "../../common/test/proxy.ts";
import { startChat } from "./start-chat.ts";
import { newTally, survive } from "./survive.ts";
import { useBrowser } from "./use-browser.ts";

const launch = findChromium();
const runs = Number(process.env["HOLDFAST_RUNS"] ?? 10);
const first = Number(process.env["HOLDFAST_SEED"] ?? 1);

describe.skipIf(launch === undefined)("the page of the chat", () => {
  const used = useBrowser(launch);

  test(
    `in ${runs} random runs every page has the whole message, or says that there is none`,
    async () => {
      const server = await startChat(15, used.page);
      const proxy = await startProxy(server.url);
      const tally = newTally();
      for (let seed = first; seed < first + runs; seed++)
        await survive(seed, used.browser, server, proxy, tally);
      if (runs >= 100) console.log(tally);
      expect(tally.runs).toBe(runs);
      expect(tally.whole).toBeGreaterThan(0);
    },
    240_000 + runs * 30_000,
  );
});
