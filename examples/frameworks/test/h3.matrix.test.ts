import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { requestCapabilities } from "../../common/test/capabilities.ts";
import { startH3 } from "./start.ts";

adapterSuite({ describe, test }, { name: "h3", start: startH3, capabilities: requestCapabilities });
