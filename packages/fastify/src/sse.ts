import { serve, type ServeOptions, type Source } from "@holdfast/core";
import { toExchange } from "@holdfast/node-http";
import type { FastifyReply, FastifyRequest, RawServerBase, RouteGenericInterface } from "fastify";

/**
 * Serves a client of Fastify 5, over HTTP/1.1 or HTTP/2. Headers that hooks have set on the reply are kept. The
 * reply is hijacked when the response begins. Return the promise from the handler, so that an earlier error reaches
 * the error handler.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), only before the response has begun
 *
 * @example
 * app.get<{ Params: { id: string } }>("/jobs/:id/stream", (request, reply) =>
 *   sse(request, reply, jobs.stream(request.params.id)),
 * );
 */
export async function sse(
  request: FastifyRequest<RouteGenericInterface, RawServerBase>,
  reply: FastifyReply<RouteGenericInterface, RawServerBase>,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  const { request: sseRequest, open } = toExchange(request.raw, reply.raw);
  const { body: readBody } = sseRequest;
  // Parsers of Fastify leave the body on its own request.
  const body = async (maxBytes: number): Promise<unknown> => request.body ?? readBody?.(maxBytes);
  return serve(
    // Not copied: that would create the signal.
    Object.assign(sseRequest, { body }),
    (status, headers, ...rest) => {
      // Fastify would write these only with its own reply, which is not sent.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      const sink = open(status, headers, ...rest);
      reply.hijack();
      return sink;
    },
    source,
    options,
  );
}
