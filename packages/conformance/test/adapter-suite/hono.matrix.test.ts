import { hono } from "../adapters/hono.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";

// Covers packages/hono/src.

quietAdapterSuite(hono);
