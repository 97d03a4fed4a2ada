import { check } from "../base/validate.ts";
import { readCursor } from "../protocol/headers.ts";
import type { ServeOptions } from "./serve-options.ts";
import { serve } from "./serve.ts";
import type { Source } from "./source.ts";
import { type BodySink, createWebSink } from "./web-sink.ts";
import type { ClientState, OpenSink, Sink, SinkEvents, SseRequest } from "./sink.ts";

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
 * @param client for adapters that know of the client without the signal of the request, which is then left alone
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
  client?: ClientState,
): Promise<Response> {
  checkRequest(request);
  const { method, headers, url } = request;
  const described: SseRequest = {
    method,
    cursor: readCursor(headers.get("last-event-id"), url),
    client,
    get acceptEncoding() {
      return headers.get("accept-encoding") ?? undefined;
    },
    url,
    body: (maxBytes) => readBody(request, maxBytes),
    get signal() {
      return request.signal;
    },
  };
  // Where its signal counts, the sink keeps the request alive: once that is collected, the signal may never abort.
  const open: typeof createSink =
    client === undefined ? (events) => Object.assign(createSink(events), { request }) : createSink;
  return new Promise((resolve, reject) => {
    const hasBody = method !== "HEAD";
    const pending = new PendingResponse({ hasBody, createSink: open, createResponse, resolve, reject });
    serve(described, pending.open, source, options).catch(pending.fail);
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

interface PendingParts {
  readonly hasBody: boolean;
  readonly createSink: (events: SinkEvents) => BodySink;
  readonly createResponse: CreateResponse;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A response that has not begun. Once it has, nothing of it is held here: the connection lives on for hours, and the
 * response, its framework's context and, on the fast path of an adapter, its body can go.
 */
class PendingResponse {
  #parts: PendingParts | undefined;

  constructor(parts: PendingParts) {
    this.#parts = parts;
  }

  readonly open: OpenSink = (status, headers, events, whole) => {
    const { hasBody, createSink, createResponse, resolve } = this.#parts as PendingParts;
    const sink = whole === undefined ? createSink(events) : finishedSink(events);
    const body = whole === undefined && status === 200 && hasBody ? (sink as BodySink).body : null;
    resolve(createResponse((whole as Uint8Array<ArrayBuffer> | undefined) ?? body, { status, headers }));
    this.#parts = undefined;
    return sink;
  };

  readonly fail = (error: unknown): void => this.#parts?.reject(error);
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
