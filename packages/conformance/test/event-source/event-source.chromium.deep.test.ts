import { describeInChromium } from "../support/chromium.ts";
import { inChromium } from "./chromium.ts";
import { eventSourceSuite } from "./event-source-suite.ts";

describeInChromium("in Chromium", (page) => {
  for (const client of inChromium(page)) eventSourceSuite(client);
});
