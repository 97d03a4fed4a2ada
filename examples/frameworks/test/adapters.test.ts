import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startNestJs } from "./start-nestjs.ts";
import { startH3, startKoa, startRouteHandler } from "./start.ts";

adapterSuite({ describe, test }, { name: "h3", start: startH3 });
adapterSuite({ describe, test }, { name: "koa", start: startKoa });
adapterSuite({ describe, test }, { name: "nestjs", start: startNestJs });
adapterSuite(
  { describe, test },
  {
    name: "a route handler",
    start: startRouteHandler,
    capabilities: { earlierHeaders: { missing: "Nothing runs before the handler." } },
  },
);
