import type { Runtime } from "../protocol/runtime.ts";
import { respondWithoutStream } from "./empty-response.ts";
import { Connection, type ConnectionOptions, type FrameSource } from "./connection.ts";
import { errorFrame, fieldFrame, concatFrames } from "../protocol/control-events.ts";
import { encodeEvent } from "../protocol/encode.ts";
import { abortedError, HoldfastError, isAbort, toHoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch, makeTerminalId } from "../protocol/event-id.ts";
import { eventTooLarge } from "../protocol/event-size.ts";
import { isPullable, pull } from "../base/pull.ts";
import { createLatch, type Latch } from "../base/latch.ts";
import type { FailureStage, Report } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import type { BareFunction, BareIterable, BareSource } from "./source.ts";
import { Scheduler } from "./scheduler.ts";

/** After this many events in a row a source waits for a macrotask, so that timers and sockets are not starved. */
const BURST = 64;

export interface BareOptions extends ConnectionOptions {
  readonly runtime: Runtime;
  /** How many bytes are buffered while the connection is not ready. */
  readonly bufferBytes: number;
  /** The largest event, in bytes. */
  readonly eventLimit: number;
}

/** Serves one client from a source that only this client reads. */
export function serveBare(
  request: SseRequest,
  open: OpenSink,
  source: BareSource,
  options: BareOptions,
  signal: AbortSignal | undefined,
): Promise<ServeResult> {
  const { runtime } = options;
  const response = respondWithoutStream(request, open);
  if (response !== undefined) {
    if (typeof source !== "function") releaseUnused(source, runtime.report);
    return response;
  }
  const owner = {
    runtime,
    scheduler: new Scheduler(runtime.clock, options.heartbeat),
    remove: () => undefined,
  };
  const connection = new Connection(owner, undefined, request, open, options);
  const runner = new BareSourceRunner(connection, options);
  connection.setSource(runner);
  connection.start();
  connection.pump();
  connection.drainWhenAborted(signal);
  void runner.run(source, request.cursor);
  return connection.done;
}

/** Releases a source that will not be read. */
function releaseUnused(source: BareIterable, report: Report): void {
  const onError = (error: unknown): void => report("failed", { id: undefined, stage: "source", error });
  try {
    pull(source, onError).release();
  } catch (error) {
    onError(error);
  }
}

/** Runs a bare source, and buffers its frames in order while the connection is not ready for them. */
class BareSourceRunner implements FrameSource {
  readonly #connection: Connection;
  readonly #options: BareOptions;
  /** Closes when the source has ended or its connection is over. */
  readonly #latch: Latch;
  #frames: Uint8Array[];
  #bytes: number;
  #events = 0;
  /** How the response ends, once all other frames are written. */
  #end: { readonly reason: CloseReason; readonly frame: Uint8Array } | undefined;
  #onReady: () => void = () => undefined;

  constructor(connection: Connection, options: BareOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#latch = createLatch({ onError: (error) => this.#report("cleanup", error) });
    connection.latch.defer((reason) => this.#latch.close(abortedError(reason)));
    const first = fieldFrame({ retry: connection.retryDelay() });
    this.#frames = [first];
    this.#bytes = first.length;
  }

  /** Runs the source until it ends or is released. Never rejects. */
  async run(source: BareSource, cursor: string | undefined): Promise<void> {
    try {
      const result = typeof source === "function" ? await this.#call(source, cursor) : source;
      if (isPullable(result)) await this.#pullAll(result);
      else if (typeof result === "function") this.#latch.defer(result);
      else if (result !== undefined) this.#warnIgnored(result);
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
    if (this.#end !== undefined) this.#connection.end(this.#end.reason, this.#end.frame);
    else this.#onReady();
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

  /** Resolves when the connection is ready. Stays pending once it is over: the source is released by then. */
  #ready(): Promise<void> | undefined {
    if (this.#connection.ready) return undefined;
    return new Promise((resolve) => {
      this.#onReady = resolve;
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
    if (frame.length > this.#options.eventLimit) throw eventTooLarge(frame.length, this.#options.eventLimit);
    return frame;
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

  /** The source has ended. It is released at once; the client still gets what was pushed before, and the end. */
  #close(reason: CloseReason, ...lastFrames: readonly Uint8Array[]): void {
    if (this.#latch.closed) return;
    const id = makeTerminalId(makeEpoch(this.#options.runtime.random), 0);
    this.#end = { reason, frame: concatFrames([...lastFrames, fieldFrame({ id })]) };
    this.#latch.close(abortedError(reason));
    this.#connection.pump();
  }

  #warnIgnored(result: unknown): void {
    const message = `A source returned ${typeof result}, which is neither events nor a clean-up function. It is ignored.`;
    this.#options.runtime.report("warned", { id: undefined, message });
  }

  #report(stage: FailureStage, error: unknown): void {
    this.#options.runtime.report("failed", { id: undefined, stage, error });
  }
}
