import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { bunCapabilities } from "./bun-capabilities.ts";
import { findRuntime } from "./find-runtime.ts";
import { inRuntime } from "./runtime-server.ts";

const bun = findRuntime("bun");

adapterSuite(
  { describe: describe.skipIf(bun === undefined), test },
  { name: "hono", start: inRuntime("bun", bun, "hono"), capabilities: bunCapabilities },
);
