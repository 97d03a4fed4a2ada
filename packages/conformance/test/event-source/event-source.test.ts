import { eventSourceSuite } from "./event-source-suite.ts";
import { inNode } from "./node.ts";
import { terminalIdSuite } from "./terminal-id-suite.ts";

// Covers ResilientEventSource of packages/client/src, and the protocol of core for every EventSource.

for (const client of inNode) {
  eventSourceSuite(client);
  terminalIdSuite(client);
}
