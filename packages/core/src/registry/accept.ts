import { sendEmptyResponse, respondWithoutStream } from "../connection/empty-response.ts";
import { Connection } from "../connection/connection.ts";
import { isStreamId } from "../protocol/event-id.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { lookUpStream } from "./stream-lookup.ts";
import type { OpenSink, SseRequest } from "../connection/sink.ts";
import { type RegistryContext, type Target, RequestContext } from "./request-context.ts";

/**
 * What happens to a client: one procedure, from its request to the end of its response. The latch exists before
 * anything else, the request's signal is bridged second; only then is the client counted and its stream looked for.
 *
 * @param signal the application's, which sends the client away
 */
export function attach(
  registry: RegistryContext,
  request: SseRequest,
  open: OpenSink,
  target: Omit<Target, "cursor">,
  options: ResolvedDelivery,
  signal: AbortSignal | undefined,
): Promise<ServeResult> {
  if (!isStreamId(target.id)) return sendEmptyResponse(open, request.signal.aborted ? 499 : 404);
  const answered = respondWithoutStream(request, open);
  if (answered !== undefined) return answered;

  const { pool } = registry;
  const connection = new Connection(pool, target.id, request, open, options);
  const isAborted = signal?.aborted === true && !pool.draining;
  const refusal = isAborted ? "aborted" : pool.rejectReason(target.counted);
  if (refusal !== undefined) connection.reject(refusal, pool.spread);
  else {
    pool.add(connection, target.counted);
    lookUpStream(new RequestContext(registry, connection, { ...target, cursor: request.cursor }, options));
    connection.drainOn(signal);
  }
  return connection.over;
}
