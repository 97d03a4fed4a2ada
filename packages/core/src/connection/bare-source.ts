import type { Runtime } from "../protocol/runtime.ts";
import { respondWithoutStream } from "./empty-response.ts";
import { Connection, type ConnectionOptions, type FrameSource } from "./connection.ts";
import { errorFrame, fieldFrame, concatFrames } from "../protocol/control-events.ts";
import { encodeEvent } from "../protocol/encode.ts";
import { abortedError, HoldfastError, isAbort, toHoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch, makeTerminalId } from "../protocol/event-id.ts";
import { isPullable, pull } from "../base/pull.ts";
import { createLatch, type Latch } from "../base/latch.ts";
import type { FailureStage, Report } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import type { BareFunction, BareIterable, BareSource } from "./source.ts";
import { Scheduler } from "./scheduler.ts";

/** A source that never waits is made to, after so many events, so that timers and sockets have their turn. */
const BURST = 64;

export interface BareOptions extends ConnectionOptions {
  readonly runtime: Runtime;
  /** How many bytes are kept for a held client. */
  readonly bufferBytes: number;
  readonly maxEventBytes: number;
}

/** Serves a source that feeds this connection alone. */
export function serveBare(
  request: SseRequest,
  open: OpenSink,
  source: BareSource,
  options: BareOptions,
  signal: AbortSignal | undefined,
): Promise<ServeResult> {
  const { runtime } = options;
  const answered = respondWithoutStream(request, open);
  if (answered !== undefined) {
    if (typeof source !== "function") decline(source, runtime.report);
    return answered;
  }
  const keeper = {
    runtime,
    scheduler: new Scheduler(runtime.clock, options.heartbeat),
    remove: () => undefined,
  };
  const connection = new Connection(keeper, undefined, request, open, options);
  const feed = new BareFrameSource(connection, options);
  connection.follow(feed);
  connection.begin();
  connection.pump();
  connection.drainOn(signal);
  void feed.run(source, request.cursor);
  return connection.over;
}

/** Lets go of what nobody wants to read. */
function decline(source: BareIterable, report: Report): void {
  const failed = (error: unknown): void => report("failed", { id: undefined, stage: "source", error });
  try {
    pull(source, failed).release();
  } catch (error) {
    failed(error);
  }
}

/** Frames on their way from a source to its connection, in order. */
class BareFrameSource implements FrameSource {
  readonly #connection: Connection;
  readonly #options: BareOptions;
  /** Closes when the source is over, or when its connection is. */
  readonly #latch: Latch;
  #frames: Uint8Array[];
  #bytes: number;
  #events = 0;
  /** What comes behind everything else. */
  #last: { readonly reason: CloseReason; readonly frame: Uint8Array } | undefined;
  #readyAgain: () => void = () => undefined;

  constructor(connection: Connection, options: BareOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#latch = createLatch({ onError: (error) => this.#report("cleanup", error) });
    connection.latch.defer((reason) => this.#latch.close(abortedError(reason)));
    const first = fieldFrame({ retry: connection.retry() });
    this.#frames = [first];
    this.#bytes = first.length;
  }

  /** Feeds the connection until the source is over or let go. Never rejects. */
  async run(source: BareSource, cursor: string | undefined): Promise<void> {
    try {
      const given = typeof source === "function" ? await this.#call(source, cursor) : source;
      if (isPullable(given)) await this.#pullAll(given);
      else if (typeof given === "function") this.#latch.defer(given);
      else if (given !== undefined) this.#warnOf(given);
    } catch (error) {
      this.#fail(error);
    }
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const bytes = concatFrames(this.#frames);
    const events = this.#events;
    this.#frames = [];
    this.#bytes = this.#events = 0;
    this.#connection.write(bytes, events);
  }

  pump(): void {
    this.flush();
    if (!this.#connection.ready) return;
    if (this.#last !== undefined) this.#connection.end(this.#last.reason, this.#last.frame);
    else this.#readyAgain();
  }

  #call(source: BareFunction, lastEventId: string | undefined): ReturnType<BareFunction> {
    if (this.#latch.closed) return undefined;
    return source({
      lastEventId,
      signal: this.#latch.signal,
      push: (event) => this.#push(event),
      close: () => this.#close("closed"),
    });
  }

  async #pullAll(source: BareIterable): Promise<void> {
    const run = pull(source, (error) => this.#report("source", error));
    this.#latch.defer((reason) => run.release(reason));
    for (let count = 1; ; count++) {
      await this.#ready();
      const item = await run.next();
      if (item === undefined) return this.#close("closed");
      if (HoldfastError.is(item.value)) this.#add(errorFrame(item.value, this.#options.control), 0);
      else this.#add(this.#encode(item.value), 1);
      this.#connection.pump();
      if (count % BURST === 0)
        await new Promise<void>((resolve) => this.#options.runtime.clock.soon(resolve));
    }
  }

  /** Resolves when the client can take more; never, once it is gone: what waits here has been let go then. */
  #ready(): Promise<void> | undefined {
    if (this.#connection.ready) return undefined;
    return new Promise((resolve) => {
      this.#readyAgain = resolve;
    });
  }

  #push(event: SseEvent): void {
    if (this.#latch.closed) return;
    const frame = this.#encode(event);
    if (this.#bytes === 0) this.#options.runtime.clock.soon(() => this.#connection.pump());
    this.#add(frame, 1);
  }

  #encode(event: SseEvent): Uint8Array {
    const frame = encodeEvent(event);
    const most = this.#options.maxEventBytes;
    if (frame.length <= most) return frame;
    throw new HoldfastError(
      "EVENT_TOO_LARGE",
      `An event takes at most ${most} bytes, this one has ${frame.length}.`,
    );
  }

  #add(frame: Uint8Array, events: number): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#events += events;
    if (this.#bytes <= this.#options.bufferBytes) return;
    this.#connection.pump();
    if (this.#bytes > 0) this.#connection.destroy("overflow");
  }

  #fail(error: unknown): void {
    if (!this.#latch.closed || !isAbort(error, this.#latch.reason)) this.#report("source", error);
    this.#close("failed", errorFrame(toHoldfastError(error), this.#options.control));
  }

  /** The source is over. It is let go at once; the client has what was pushed before, and the end. */
  #close(reason: CloseReason, ...before: readonly Uint8Array[]): void {
    if (this.#latch.closed) return;
    const id = makeTerminalId(makeEpoch(this.#options.runtime.random), 0);
    this.#last = { reason, frame: concatFrames([...before, fieldFrame({ id })]) };
    this.#latch.close(abortedError(reason));
    this.#connection.pump();
  }

  #warnOf(given: unknown): void {
    const message = `A source gave ${typeof given}: neither events, nor how to stop. It is ignored.`;
    this.#options.runtime.report("warned", { id: undefined, message });
  }

  #report(stage: FailureStage, error: unknown): void {
    this.#options.runtime.report("failed", { id: undefined, stage, error });
  }
}
