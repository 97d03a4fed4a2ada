import { nodeHttp1 } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

// Covers packages/node-http/src, and connection/sink of core.

quietAdapterSuite(nodeHttp1);
