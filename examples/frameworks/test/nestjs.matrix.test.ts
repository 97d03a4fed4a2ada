import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startNestJs } from "./start-nestjs.ts";

adapterSuite({ describe, test }, { name: "nestjs", start: startNestJs });
