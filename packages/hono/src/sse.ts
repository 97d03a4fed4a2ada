import { type ServeOptions, type Source, toResponse } from "@holdfast/core";
import type { Context } from "hono";
import { createFastPathSink, type Outgoing } from "./node-fast-path.ts";

/**
 * Serves a client of Hono, on every runtime that Hono runs on. Headers that earlier middleware has set are kept.
 *
 * @returns the response, as soon as its status is known
 * @throws `INVALID_OPTION` (as a rejection), which reaches `app.onError`
 *
 * @example
 * app.get("/jobs/:id/stream", (c) => sse(c, jobs.stream(c.req.param("id"))));
 */
export async function sse(c: Context, source: Source, options?: ServeOptions): Promise<Response> {
  const { outgoing } = (c.env ?? {}) as { readonly outgoing?: Outgoing };
  const response = await toResponse(
    c.req.raw,
    source,
    options,
    outgoing && ((events) => createFastPathSink(events, outgoing)),
  );
  return c.newResponse(response.body, response);
}
