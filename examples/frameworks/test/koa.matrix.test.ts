import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startKoa } from "./start.ts";

adapterSuite({ describe, test }, { name: "koa", start: startKoa });
