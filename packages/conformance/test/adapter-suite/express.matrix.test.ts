import { onExpress5 } from "../adapters/express.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

quietAdapterSuite(onExpress5);
