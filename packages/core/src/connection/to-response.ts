import { readCursor } from "../protocol/headers.ts";
import type { ServeOptions } from "./options.ts";
import { serve } from "./serve.ts";
import type { Source } from "./source.ts";
import { type BodySink, createWebSink } from "./web-sink.ts";
import type { SinkEvents } from "./sink.ts";

/**
 * Serves a client through web streams: for every runtime and framework that takes a `Response`.
 *
 * @param createSink creates the sink whose body becomes that of the response, for adapters that know a faster way than
 * web streams; called once at most
 * @returns the response, as soon as its status is known; its body ends when the client has everything or has left
 * @throws `INVALID_OPTION` (as a rejection)
 *
 * @example
 * Bun.serve({ fetch: (request) => toResponse(request, jobs.stream("42")) });
 */
export function toResponse(
  request: Request,
  source: Source,
  options?: ServeOptions,
  createSink: (events: SinkEvents) => BodySink = createWebSink,
): Promise<Response> {
  const { headers, url, signal } = request;
  return new Promise((resolve, reject) => {
    serve(
      { method: request.method, cursor: readCursor(headers.get("last-event-id"), url), signal },
      (status, responseHeaders, events) => {
        const sink = createSink(events);
        // This closure names the request and so keeps it alive: the signal of a collected request may never abort.
        const hasBody = status === 200 && request.method !== "HEAD";
        resolve(new Response(hasBody ? sink.body : null, { status, headers: responseHeaders }));
        return sink;
      },
      source,
      options,
    ).catch(reject);
  });
}
