import { serveBare } from "./bare-source.ts";
import { check, checkSignal } from "../base/validate.ts";
import { isPullable } from "../base/pull.ts";
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
 * Serves one client: what every adapter calls. `open` is called exactly once, whatever the answer.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), before `open` is called; whatever `open` throws
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
    maxEventBytes: Math.min(maxEventBytes, Math.floor(buffer.bytes / 4)),
  };
  await serveBare(request, open, source, bareOptions, options?.signal);
}
