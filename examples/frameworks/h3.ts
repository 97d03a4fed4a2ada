import { toResponse } from "@holdfast/core";
import { getRouterParam, H3 } from "h3";
import { countdowns } from "./countdowns.ts";

export const app = new H3();

app.get("/countdowns/:name", (event) =>
  toResponse(event.req, countdowns.stream(getRouterParam(event, "name") ?? "")),
);
