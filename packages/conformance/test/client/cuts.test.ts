import { describe } from "vitest";
import { cutsSuite } from "./cuts.ts";
import { inNode } from "./follow.ts";

describe("in Node", () => cutsSuite(inNode));
