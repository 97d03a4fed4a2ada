import { serveBare } from "./bare-source.ts";
import { check, checkSignal } from "../base/validate.ts";
import { isPullable } from "../base/pull.ts";
import { eventSizeLimit } from "../protocol/event-size.ts";
import {
  DELIVERY_DEFAULTS,
  resolveDelivery,
  resolveStream,
  resolveRuntime,
  type ServeOptions,
  STREAM_DEFAULTS,
} from "./options.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import { ACCEPT, type Source } from "./source.ts";

/**
 * Serves one client. Every adapter calls it with the request, a function that starts the response, and the source; the
 * examples have a whole adapter in `custom-adapter-fastify`.
 *
 * @param open called exactly once, with the status of the response: 200 with a stream (or for HEAD), 204 for a client
 * that has everything, 404 for a stream that does not exist, 499 for a client that has left, 503 if a limit is reached
 * and `overload` is `refuse`
 * @returns a promise that resolves when the response is over
 * @throws (as a rejection) `INVALID_OPTION`, before `open` is called; whatever `open` throws
 *
 * @example
 * await serve(
 *   { method: req.method, cursor: readCursor(req.headers["last-event-id"], req.url), signal },
 *   (status, headers, events) => createSink(res.writeHead(status, headers), events),
 *   jobs.stream("42"),
 * );
 */
export async function serve(
  request: SseRequest,
  open: OpenSink,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  if (options?.signal !== undefined) checkSignal("signal", options.signal);
  if (typeof source === "object" && source !== null && ACCEPT in source) {
    await source[ACCEPT](request, open, options, true);
    return;
  }
  check(
    typeof source === "function" || isPullable(source),
    "source",
    "a stream, writer or channel of a registry, an async iterable, a ReadableStream or a function",
    source,
  );
  const { buffer, maxEventBytes } = resolveStream(STREAM_DEFAULTS, options);
  const bareOptions = {
    ...resolveDelivery(DELIVERY_DEFAULTS, options),
    runtime: resolveRuntime(options),
    bufferBytes: buffer.bytes,
    eventLimit: eventSizeLimit(maxEventBytes, buffer.bytes),
  };
  await serveBare(request, open, source, bareOptions, options?.signal);
}
