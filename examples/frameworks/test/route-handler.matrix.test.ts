import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders, requestCapabilities } from "../../common/test/capabilities.ts";
import { startRouteHandler } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "a route handler",
    start: startRouteHandler,
    capabilities: { ...requestCapabilities, ...noEarlierHeaders },
  },
);
