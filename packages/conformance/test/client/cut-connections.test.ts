import { describe } from "vitest";
import { cutConnectionsSuite } from "./cut-connections.ts";
import { inNode } from "./read-stream.ts";

describe("in Node", () => cutConnectionsSuite(inNode));
