import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startRouteHandler } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "a route handler",
    start: startRouteHandler,
    capabilities: { earlierHeaders: { missing: "Nothing runs before the handler." } },
  },
);
