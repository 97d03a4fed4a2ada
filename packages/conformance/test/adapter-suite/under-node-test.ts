import { describe, test } from "node:test";
import { adapterSuite } from "@holdfast/conformance";
import { nodeH2c } from "../adapters/node-http.ts";

adapterSuite({ describe, test }, nodeH2c);
