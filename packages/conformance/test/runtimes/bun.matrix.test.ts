import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../../../../examples/common/test/capabilities.ts";
import { bunCapabilities } from "./bun.ts";
import { findRuntime } from "./runtimes.ts";
import { inRuntime } from "./server.ts";

const bun = findRuntime("bun");

adapterSuite(
  { describe: describe.skipIf(bun === undefined), test },
  {
    name: "toResponse",
    start: inRuntime("bun", bun, "toResponse"),
    capabilities: { ...bunCapabilities, ...noEarlierHeaders },
  },
);
