import { nodeH2 } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

// Covers packages/node-http/src on HTTP/2.

quietAdapterSuite(nodeH2);
