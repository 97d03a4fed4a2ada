import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { bunCapabilities } from "./bun.ts";
import { findRuntime } from "./runtimes.ts";
import { inRuntime } from "./server.ts";

const bun = findRuntime("bun");

adapterSuite(
  { describe: describe.skipIf(bun === undefined), test },
  { name: "hono", start: inRuntime("bun", bun, "hono"), capabilities: bunCapabilities },
);
