import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startH3 } from "./start.ts";

adapterSuite({ describe, test }, { name: "h3", start: startH3 });
