import { readCursor } from "../protocol/headers.ts";
import type { ServeOptions } from "./options.ts";
import { serve } from "./serve.ts";
import type { Source } from "./source.ts";
import { createShortcut, type Outgoing } from "./node-fast-path.ts";
import { createWebSink } from "./web-sink.ts";

/**
 * Serves a client through web streams: for every runtime and framework that takes a `Response`.
 *
 * @param outgoing Node's response that this one will be written to, where it is known; chunks then take a shorter way to
 * it, as soon as it is certain that nobody on the long way would change them
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
  outgoing?: Outgoing,
): Promise<Response> {
  const { headers, url, signal } = request;
  return new Promise((resolve, reject) => {
    serve(
      { method: request.method, cursor: readCursor(headers.get("last-event-id"), url), signal },
      (status, responseHeaders, events) => {
        const sink = outgoing === undefined ? createWebSink(events) : createShortcut(events, outgoing);
        // It names the request, and so keeps it: the signal of one that is collected may never abort.
        const hasBody = status === 200 && request.method !== "HEAD";
        resolve(new Response(hasBody ? sink.body : null, { status, headers: responseHeaders }));
        return sink;
      },
      source,
      options,
    ).catch(reject);
  });
}
