import { check } from "../base/validate.ts";
import { readCursor } from "../protocol/headers.ts";
import type { ServeOptions } from "./serve-options.ts";
import { serve } from "./serve.ts";
import type { Source } from "./source.ts";
import { type BodySink, createWebSink } from "./web-sink.ts";
import type { Sink, SinkEvents } from "./sink.ts";

/** Creates the response of {@link toResponse}. */
type CreateResponse = (
  body: Uint8Array<ArrayBuffer> | BodySink["body"] | null,
  init: { readonly status: number; readonly headers: Record<string, string> },
) => Response;

/**
 * Serves a client with a `Response`, for every runtime and framework that takes one.
 *
 * @param createSink creates the sink that supplies the body, for adapters with something faster than web streams;
 * called at most once. @default createWebSink
 * @param createResponse for adapters with a `Response` of their own. @default new Response
 * @returns the response, as soon as its status is known. Its body ends when the client has everything or has left.
 * @throws (as a rejection) `INVALID_OPTION`
 *
 * @example
 * Bun.serve({ fetch: (request) => toResponse(request, jobs.stream("42")) });
 */
export async function toResponse(
  request: Request,
  source: Source,
  options?: ServeOptions,
  createSink: (events: SinkEvents) => BodySink = createWebSink,
  createResponse: CreateResponse = (body, init) => new Response(body, init),
): Promise<Response> {
  checkRequest(request);
  const { headers, url, signal } = request;
  return new Promise((resolve, reject) => {
    const { method } = request;
    const cursor = readCursor(headers.get("last-event-id"), url);
    serve(
      { method, cursor, signal, url, body: (maxBytes) => readBody(request, maxBytes) },
      (status, responseHeaders, events, whole) => {
        const init = { status, headers: responseHeaders };
        if (whole !== undefined) {
          resolve(createResponse(whole as Uint8Array<ArrayBuffer>, init));
          return finishedSink(events);
        }
        const sink = createSink(events);
        // This closure refers to `request` and so keeps it alive: once it is collected, its signal may never abort.
        const hasBody = status === 200 && request.method !== "HEAD";
        resolve(createResponse(hasBody ? sink.body : null, init));
        return sink;
      },
      source,
      options,
    ).catch(reject);
  });
}

/** The text of a body, or a little more than `maxBytes` of it. */
async function readBody({ body }: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxBytes) break;
  }
  return text;
}

/** A sink whose response has its body already. */
function finishedSink(events: SinkEvents): Sink {
  queueMicrotask(() => events.closed());
  const ignore = (): void => undefined;
  return { write: () => false, close: ignore, cut: ignore, destroy: ignore };
}

function checkRequest(request: unknown): void {
  const { headers } = Object(request) as Partial<Request>;
  const hint = isNodeRequest(request)
    ? ", not one of Node (use `sse(req, res, source)` of `@holdfast/node-http`; in h3 1 with `event.node.req` and `event.node.res`)"
    : "";
  check(typeof headers?.get === "function", "request", `a \`Request\`${hint}`, request);
}

function isNodeRequest(request: unknown): boolean {
  return typeof (Object(request) as { rawHeaders?: unknown }).rawHeaders === "object";
}
