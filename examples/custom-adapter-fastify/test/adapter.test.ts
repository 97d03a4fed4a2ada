import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { start } from "./start.ts";

adapterSuite({ describe, test }, { name: "an adapter of one's own", start });
