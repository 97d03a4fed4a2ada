import { onExpress4 } from "../adapters/express.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

quietAdapterSuite(onExpress4);
