import { nodeH2c } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

quietAdapterSuite(nodeH2c);
