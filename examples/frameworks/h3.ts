import { type ServeOptions, type Source, toResponse } from "@holdfast/core";
import { getRouterParam, H3, type H3Event } from "h3";
import { countdowns } from "./countdowns.ts";

export function sse(event: H3Event, source: Source, options?: ServeOptions): Promise<Response> {
  return toResponse(event.req, source, options, event.runtime?.node?.res); // on Node, a shorter way
}

export const app = new H3();

app.get("/countdowns/:name", (event) => sse(event, countdowns.stream(getRouterParam(event, "name") ?? "")));
