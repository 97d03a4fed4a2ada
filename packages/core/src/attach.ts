import { answer, answerAtTheDoor } from "./answer.ts";
import { Connection } from "./connection.ts";
import { openFrame } from "./control.ts";
import type { Crowd } from "./crowd.ts";
import { isStreamId } from "./event-id.ts";
import { NO_STREAM_HEADERS } from "./headers.ts";
import type { DrainReason } from "./observer.ts";
import type { ResolvedDelivery } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import type { From } from "./position.ts";
import { Reader } from "./reader.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import type { Stream } from "./stream.ts";
import type { Waiters } from "./waiters.ts";

/** The registry as a client that comes sees it. */
export interface House {
  readonly crowd: Crowd;
  readonly waiters: Waiters<Stream>;
  readonly maxWaiting: number;
  /** Nudges the stream's readers in the next turn. */
  changed(stream: Stream): void;
}

/** What a client came for. */
export interface Target {
  readonly id: string;
  readonly find: () => Stream | undefined;
  /** Whether it counts against `maxConnections`. */
  readonly counted: boolean;
}

/** What happens to a client: one procedure, from its request to the end of its response. */
export function attach(
  house: House,
  request: SseRequest,
  open: OpenSink,
  target: Target,
  options: ResolvedDelivery,
): Promise<Outcome> {
  if (!isStreamId(target.id)) return answer(open, request.signal.aborted ? 499 : 404);
  const answered = answerAtTheDoor(request, open);
  if (answered !== undefined) return answered;

  const stream = target.find();
  const { crowd } = house;
  const connection = new Connection(crowd, target.id, request, options);
  const full = stream === undefined && house.waiters.size >= house.maxWaiting;
  const refusal = crowd.refusal(target.counted) ?? (full ? "busy" : undefined);
  if (refusal !== undefined) return refuse(connection, open, refusal, options);

  crowd.enter(connection, target.counted);
  if (stream === undefined) return waitFor(house, connection, request, open, target, options);
  follow(house, connection, stream, request.cursor, options.from);
  const over = connection.start(open);
  connection.pump();
  return over;
}

function refuse(
  connection: Connection,
  open: OpenSink,
  reason: DrainReason,
  options: ResolvedDelivery,
): Promise<Outcome> {
  if (reason === "busy" && options.overload === "refuse") {
    const seconds = Math.ceil(connection.retry(reason) / 1_000);
    connection.destroy(reason);
    return answer(open, 503, { ...NO_STREAM_HEADERS, "retry-after": String(seconds) });
  }
  const over = connection.start(open);
  connection.drain(reason);
  return over;
}

/** Look-up and registration are one synchronous step: from here on the reader holds the stream itself. */
function follow(
  house: House,
  connection: Connection,
  stream: Stream,
  cursor: string | undefined,
  from: From,
): void {
  const reader = new Reader(stream, connection, cursor, from, house.crowd.report);
  connection.follow(reader);
  stream.attach(reader);
  connection.latch.defer(() => stream.detach(reader));
}

/** The client waits for its stream to be opened, and reads it from its first event. */
function waitFor(
  house: House,
  connection: Connection,
  request: SseRequest,
  open: OpenSink,
  target: Target,
  options: ResolvedDelivery,
): Promise<Outcome> {
  const found = (stream: Stream): void => {
    follow(house, connection, stream, request.cursor, "start");
    house.changed(stream);
  };
  connection.latch.defer(house.waiters.wait(target.id, found));
  const over = connection.start(open);
  connection.waitUntil(house.crowd.clock.now() + options.wait);
  if (connection.ready) {
    const data = { state: "waiting", first: null, last: null, heartbeat: options.heartbeat } as const;
    connection.write(openFrame(data, undefined, connection.retry(), options.control));
  }
  return over;
}
