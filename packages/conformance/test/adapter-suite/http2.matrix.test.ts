import { nodeH2 } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

quietAdapterSuite(nodeH2);
