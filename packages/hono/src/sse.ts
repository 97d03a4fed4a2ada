import { type ServeOptions, type Source, toResponse } from "@holdfast/core";
import type { Context } from "hono";
import { type PipelinedResponse, waitForTurn } from "@holdfast/core/internal";
import type { StatusCode } from "hono/utils/http-status";
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
  const { outgoing } = (c.env ?? {}) as { readonly outgoing?: Outgoing & PipelinedResponse };
  const turn = outgoing && waitForTurn(outgoing);
  const isOver = turn !== undefined && !(await turn);
  return toResponse(
    // Up to Node 22, the signal of a pipelined request does not abort before its turn.
    isOver ? new Request(c.req.url, { signal: AbortSignal.abort() }) : c.req.raw,
    source,
    options,
    outgoing && ((events) => createFastPathSink(events, outgoing)),
    (body, { status, headers }) => c.newResponse(body, status as StatusCode, headers),
  );
}
