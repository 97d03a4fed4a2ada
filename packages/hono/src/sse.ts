import { type ServeOptions, type Source, toResponse } from "@holdfast/core";
import type { PipelinedResponse } from "@holdfast/core/internal";
import type { Context } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { FastPathSink } from "./node-fast-path.ts";
import type { Outgoing } from "./outgoing.ts";

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
  const { outgoing } = (c.env ?? {}) as { readonly outgoing?: Outgoing & PipelinedResponse };
  const { raw } = c.req;
  const createResponse: Parameters<typeof toResponse>[4] = (body, { status, headers }) =>
    c.newResponse(body, status as StatusCode, withVary(c, headers));
  if (outgoing === undefined) return toResponse(raw, source, options, undefined, createResponse);
  // The server destroys a stream of HTTP/2 when the body has ended and the request had one.
  const sink = new FastPathSink(outgoing, outgoing.stream === undefined || raw.method === "GET");
  // The server creates the signal of its own request on first use. One that middleware has put in its place has another.
  if (Object.getPrototypeOf(raw) === Request.prototype) sink.follow(raw);
  if (sink.ready !== undefined) await sink.ready;
  return toResponse(raw, source, options, (events) => sink.begin(events), createResponse, sink);
}

/** Adds to the `vary` of middleware, such as CORS, which a header of the response would replace. */
function withVary(c: Context, { vary, ...headers }: Record<string, string>): Record<string, string> {
  if (vary !== undefined) c.header("vary", vary, { append: true });
  return headers;
}
