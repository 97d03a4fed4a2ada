import { describe } from "vitest";
import { cutConnectionsSuite } from "./cut-connections.ts";
import { inNode } from "./read-stream.ts";

// Covers packages/client/src over real HTTP: how it reconnects and resumes.

describe("in Node", () => cutConnectionsSuite(inNode));
