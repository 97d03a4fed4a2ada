import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startHttp1 } from "./start.ts";

adapterSuite({ describe, test }, { name: "fastify", start: startHttp1 });
