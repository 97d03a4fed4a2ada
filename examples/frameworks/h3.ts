import { type ServeOptions, type Source, toResponse } from "@holdfast/core";
import { getRouterParam, H3, type H3Event } from "h3";
import { countdowns } from "./countdowns.ts";

export async function sse(event: H3Event, source: Source, options?: ServeOptions): Promise<Response> {
  const response = await toResponse(event.req, source, options);
  for (const name of response.headers.keys()) {
    event.res.headers.delete(name); // otherwise the header that middleware has set wins
    event.res.errHeaders.delete(name); // h3 sends these with a 404 or 503
  }
  return response;
}

export const app = new H3();

app.get("/countdowns/:name", (event) => sse(event, countdowns.stream(getRouterParam(event, "name") ?? "")));
