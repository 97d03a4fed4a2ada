import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { start } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "a custom adapter",
    start,
    capabilities: {
      pipelining: { missing: "Before Node 24, a waiting pipelined response does not detect a disconnect." },
    },
  },
);
