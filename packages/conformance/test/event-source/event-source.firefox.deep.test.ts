import { describeInFirefox } from "../support/firefox.ts";
import { inBrowser } from "./browser.ts";
import { eventSourceSuite } from "./event-source-suite.ts";
import { terminalIdSuite } from "./terminal-id-suite.ts";

const traits = { ignoresIdWithoutData: true, removesNull: true, reconnectsSlowly: true };

describeInFirefox("in Firefox", (page) => {
  for (const client of inBrowser("Firefox", page, traits)) {
    eventSourceSuite(client);
    terminalIdSuite(client);
  }
});
