import { withOnClose } from "../connection/close-info.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import { Connection } from "../connection/connection.ts";
import { drainWhenAborted } from "../connection/drain-signal.ts";
import { respondWithoutStream, sendEmptyResponse } from "../connection/empty-response.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import { rejectClient } from "../connection/rejection.ts";
import type { ServeOptions } from "../connection/serve-options.ts";
import { isGone, type OpenSink, type SseRequest } from "../connection/sink.ts";
import { isStreamId } from "../protocol/event-id.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { type RegistryContext, RequestContext, type Target } from "./request-context.ts";
import { lookUpStream } from "./stream-lookup.ts";

/**
 * Serves one client, from its request to the end of its response. The order matters: the connection's latch exists before
 * anything else, the request's signal is bridged to it second, and only then is the client counted and its stream looked up.
 */
export function accept(
  registry: RegistryContext,
  request: SseRequest,
  open: OpenSink,
  target: Omit<Target, "cursor">,
  options: ResolvedDelivery,
  { signal, key, onClose }: Pick<ServeOptions, "signal" | "key" | "onClose">,
): Promise<ServeResult> {
  const labels = { id: target.id, key };
  const done = respond(
    registry,
    request,
    open,
    { ...target, cursor: request.cursor },
    options,
    labels,
    signal,
  );
  return onClose === undefined ? done : withOnClose(done, labels, onClose, registry.runtime.report);
}

function respond(
  registry: RegistryContext,
  request: SseRequest,
  open: OpenSink,
  target: Target,
  options: ResolvedDelivery,
  labels: ConnectionLabels,
  signal: AbortSignal | undefined,
): Promise<ServeResult> {
  if (!isStreamId(target.id)) return sendEmptyResponse(open, isGone(request) ? 499 : 404);
  const response = respondWithoutStream(request, open);
  if (response !== undefined) return response;

  const { pool } = registry;
  const rejected = pool.rejectReason(labels, target.counted);
  const reason = signal?.aborted === true && rejected !== "shutdown" ? "aborted" : rejected;
  if (reason !== undefined) return rejectClient(pool, labels, open, options, reason, pool.spread);
  const connection = new Connection(pool, labels, request, open, options);
  pool.add(connection, target.counted);
  lookUpStream(new RequestContext(registry, connection, target, options));
  drainWhenAborted(connection, signal);
  return connection.done;
}

/** Serves a member of a multiplexed response, which has admitted it. */
export function join(
  registry: RegistryContext,
  target: Target,
  options: ResolvedDelivery,
  connection: ClientConnection,
): void {
  if (!isStreamId(target.id)) return connection.respondEmpty(404);
  registry.pool.add(connection, false);
  lookUpStream(new RequestContext(registry, connection, target, options));
}
