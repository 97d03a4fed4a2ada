import { onNode } from "../adapters/to-response.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

// Covers toResponse and connection/web-sink of core.

quietAdapterSuite(onNode);
