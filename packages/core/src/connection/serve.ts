import { serveBare } from "./bare-source.ts";
import { withOnClose } from "./close-info.ts";
import { checkOptions } from "../base/check-options.ts";
import { check, checkAwaited, checkSignal } from "../base/validate.ts";
import { isPullable } from "../base/pull.ts";
import { isStreamId } from "../protocol/event-id.ts";
import { eventSizeLimit } from "../protocol/event-size.ts";
import {
  DELIVERY_DEFAULTS,
  resolveDelivery,
  resolveStream,
  resolveRuntime,
  STREAM_DEFAULTS,
} from "./options.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { SecondsCheck } from "./seconds.ts";
import { SERVE_NAMES, type ServeOptions } from "./serve-options.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import { ACCEPT, type Source } from "./source.ts";
import { bareHostOf } from "./bare-host.ts";

/** In a store, the id of a key is a little longer. */
const MAX_KEY = 250;

/** Bare sources have no registry: their options are checked once in a process. */
const bareSeconds = new SecondsCheck();

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
export function serve(
  request: SseRequest,
  open: OpenSink,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  // Not an async function, which would keep five more objects for each connection.
  try {
    checkOptions(undefined, options, SERVE_NAMES);
    checkServeOptions(options);
    const start = (): Promise<unknown> => serveNow(request, open, source, options);
    return (request.ready === undefined ? start() : request.ready.then(start)).then(noResult);
  } catch (error) {
    return Promise.reject(error);
  }
}

function noResult(): void {}

function serveNow(
  request: SseRequest,
  open: OpenSink,
  source: Source,
  options: ServeOptions | undefined,
): Promise<ServeResult> {
  if (typeof source === "object" && source !== null && ACCEPT in source) {
    return source[ACCEPT](request, open, options, true);
  }
  const isBare = typeof source === "function" || isPullable(source);
  // An object that is both, such as a query of a database, is read.
  if (!isBare) checkAwaited("source", source);
  check(
    isBare,
    "source",
    "a stream, writer or channel of a registry, an async iterable, a ReadableStream or a function",
    source,
  );
  const { filter } = options ?? {};
  check(
    filter === undefined,
    "filter",
    "left out for a bare source, which can leave out events itself",
    filter,
  );
  const host = bareHostOf(options?.registry);
  const runtime = host?.pool.runtime ?? resolveRuntime(options);
  const { buffer, maxEventBytes } = resolveStream(host?.stream ?? STREAM_DEFAULTS, options);
  bareSeconds.check(options, runtime.clock, (message) =>
    runtime.report("warned", { id: undefined, message }),
  );
  const bareOptions = {
    ...resolveDelivery(host?.delivery ?? DELIVERY_DEFAULTS, options),
    pool: host?.pool,
    key: options?.key,
    runtime,
    bufferBytes: buffer.bytes,
    eventLimit: eventSizeLimit(maxEventBytes, buffer.bytes),
  };
  const done = serveBare(request, open, source, bareOptions, options?.signal);
  const { key, onClose } = options ?? {};
  return onClose === undefined ? done : withOnClose(done, { id: undefined, key }, onClose, runtime.report);
}

function checkServeOptions({ signal, key, onClose }: ServeOptions = {}): void {
  if (signal !== undefined) checkSignal("signal", signal);
  if (key !== undefined) checkKey(key);
  check(onClose === undefined || typeof onClose === "function", "onClose", "a function", onClose);
}

/** @throws `INVALID_OPTION` */
export function checkKey(key: unknown): void {
  const isKey = isStreamId(key) && key.length <= MAX_KEY;
  check(isKey, "key", `a string of 1 to ${MAX_KEY} characters without control characters`, key);
}
