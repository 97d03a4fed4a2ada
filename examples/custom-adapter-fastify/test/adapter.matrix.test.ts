import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { start } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "an adapter of one's own",
    start,
    capabilities: {
      pipelining: { missing: "Before Node 24 no response hears, before its turn, that its client is gone." },
    },
  },
);
