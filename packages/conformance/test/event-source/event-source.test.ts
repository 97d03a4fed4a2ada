import { eventSourceSuite } from "./event-source-suite.ts";
import { inNode } from "./node.ts";

for (const client of inNode) {
  eventSourceSuite(client);
}
