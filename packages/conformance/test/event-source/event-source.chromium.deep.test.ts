import { describeInChromium } from "../support/chromium.ts";
import { inBrowser } from "./browser.ts";
import { eventSourceSuite } from "./event-source-suite.ts";
import { terminalIdSuite } from "./terminal-id-suite.ts";

describeInChromium("in Chromium", (page) => {
  for (const client of inBrowser("Chromium", page)) {
    eventSourceSuite(client);
    terminalIdSuite(client);
  }
});
