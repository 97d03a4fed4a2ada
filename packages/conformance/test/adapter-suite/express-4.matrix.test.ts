import { onExpress4 } from "../adapters/express.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

// Covers packages/express/src.

quietAdapterSuite(onExpress4);
