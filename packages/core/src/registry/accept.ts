import { answer, answerAtTheDoor } from "../connection/empty-response.ts";
import { Connection } from "../connection/connection.ts";
import { isStreamId } from "../protocol/event-id.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { search } from "./stream-lookup.ts";
import type { OpenSink, SseRequest } from "../connection/sink.ts";
import { type House, type Target, Visit } from "./request-context.ts";

/**
 * What happens to a client: one procedure, from its request to the end of its response. The latch exists before
 * anything else, the request's signal is bridged second; only then is the client counted and its stream looked for.
 *
 * @param signal the application's, which sends the client away
 */
export function attach(
  house: House,
  request: SseRequest,
  open: OpenSink,
  target: Omit<Target, "cursor">,
  options: ResolvedDelivery,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  if (!isStreamId(target.id)) return answer(open, request.signal.aborted ? 499 : 404);
  const answered = answerAtTheDoor(request, open);
  if (answered !== undefined) return answered;

  const { crowd } = house;
  const connection = new Connection(crowd, target.id, request, open, options);
  const isAborted = signal?.aborted === true && !crowd.draining;
  const refusal = isAborted ? "aborted" : crowd.refusal(target.counted);
  if (refusal !== undefined) connection.turnAway(refusal, crowd.spread);
  else {
    crowd.enter(connection, target.counted);
    search(new Visit(house, connection, { ...target, cursor: request.cursor }, options));
    connection.drainOn(signal);
  }
  return connection.over;
}
