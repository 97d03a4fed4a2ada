import { eventSourceSuite } from "./event-source-suite.ts";
import { inNode } from "./node.ts";
import { terminalIdSuite } from "./terminal-id-suite.ts";

for (const client of inNode) {
  eventSourceSuite(client);
  terminalIdSuite(client);
}
