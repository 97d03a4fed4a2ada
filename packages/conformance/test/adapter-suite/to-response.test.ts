import { onNode } from "../adapters/to-response.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

quietAdapterSuite(onNode);
