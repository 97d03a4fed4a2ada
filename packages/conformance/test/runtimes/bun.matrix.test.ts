import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../../../../examples/common/test/capabilities.ts";
import { bunCapabilities } from "./bun-capabilities.ts";
import { findRuntime } from "./find-runtime.ts";
import { inRuntime } from "./runtime-server.ts";

const bun = findRuntime("bun");

adapterSuite(
  { describe: describe.skipIf(bun === undefined), test },
  {
    name: "toResponse",
    start: inRuntime("bun", bun, "toResponse"),
    capabilities: { ...bunCapabilities, ...noEarlierHeaders },
  },
);
