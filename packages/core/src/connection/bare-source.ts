import type { Runtime } from "../protocol/runtime.ts";
import { respondWithoutStream } from "./empty-response.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./options.ts";
import type { FrameSource } from "./frame-source.ts";
import type { ConnectionOwner, ConnectionPool } from "./connection-pool.ts";
import { concatFrames, endFrame, errorFrame, retryFrame } from "../protocol/control-events.ts";
import { encodeEvent } from "../protocol/encode.ts";
import { abortedError, HoldfastError, isAbort, toHoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch, makeTerminalId } from "../protocol/event-id.ts";
import { eventTooLarge } from "../protocol/event-size.ts";
import { isPullable, pull } from "../base/pull.ts";
import { createLatch, type Latch } from "../base/latch.ts";
import { drainWhenAborted } from "./drain-signal.ts";
import type { FailureStage, Report } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import type { BareFunction, BareIterable, BareSource } from "./source.ts";
import { rejectClient } from "./rejection.ts";
import { Scheduler } from "./scheduler.ts";

/** After this many events in a row a source waits for a macrotask, so that timers and sockets are not starved. */
const BURST = 64;

export interface BareOptions extends ConnectionOptions {
  /** The connections of the registry that the source is served with. */
  readonly pool: ConnectionPool | undefined;
  readonly key: string | undefined;
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
  const { runtime, pool } = options;
  const response = respondWithoutStream(request, open);
  if (response !== undefined) {
    releaseUnused(source, runtime.report);
    return response;
  }
  const labels = { id: undefined, key: options.key };
  const reason = pool?.rejectReason(labels, true);
  if (pool !== undefined && reason !== undefined) {
    releaseUnused(source, runtime.report);
    return rejectClient(pool, labels, open, options, reason, pool.spread);
  }
  const connection = new Connection(pool ?? soleOwner(runtime), labels, request, open, options);
  pool?.add(connection, true);
  const runner = new BareSourceRunner(connection, request, options);
  connection.setSource(runner);
  connection.start();
  connection.pump();
  drainWhenAborted(connection, signal);
  void runner.run(source, request.cursor);
  return connection.done;
}

/** The owner of a connection that belongs to no registry. */
export function soleOwner(runtime: Runtime): ConnectionOwner {
  return { runtime, scheduler: new Scheduler(runtime.clock), remove: () => undefined };
}

/** Releases a source that will not be read. */
function releaseUnused(source: BareSource, report: Report): void {
  if (typeof source === "function") return;
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
  /** A consumer that does not use GET does not repeat its request. */
  readonly #canReconnect: boolean;
  /** Closes when the source has ended or its connection is over. */
  readonly #latch: Latch;
  #frames: Uint8Array[];
  #bytes: number;
  #events = 0;
  /** How the response ends, once all other frames are written. */
  #end: (() => void) | undefined;
  #onReady: () => void = () => undefined;

  constructor(connection: Connection, { method }: SseRequest, options: BareOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#canReconnect = method === "GET";
    this.#latch = createLatch({ onError: (error) => this.#report("cleanup", error) });
    connection.latch.defer((reason) => this.#latch.close(abortedError(reason)));
    const first = retryFrame(connection.retryDelay());
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
    if (this.#end !== undefined) this.#end();
    else this.#onReady();
  }

  #call(source: BareFunction, lastEventId: string | undefined): ReturnType<BareFunction> {
    if (this.#latch.closed) return undefined;
    return source({
      lastEventId,
      signal: this.#latch.signal,
      push: (event) => this.#push(event),
      close: () => this.#close(),
      fail: (error) => this.#fail(error),
    });
  }

  async #pullAll(source: BareIterable): Promise<void> {
    const run = pull(source, (error) => this.#report("source", error));
    this.#latch.defer((reason) => run.release(reason));
    for (let count = 1; ; count++) {
      await this.#ready();
      const item = await run.next();
      if (item === undefined) return this.#close();
      if (HoldfastError.is(item.value))
        this.#add(errorFrame(item.value, this.#connection.options.control), 0);
      else this.#send(item.value);
      if (this.#latch.closed) return;
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
    if (this.#bytes === 0) this.#options.runtime.clock.soon(() => this.#connection.pump());
    this.#send(event);
  }

  /** An event that cannot be encoded fails the source, but not for good: the next one may be right. */
  #send(event: SseEvent): void {
    const { eventLimit } = this.#options;
    let frame: Uint8Array;
    try {
      frame = encodeEvent(event);
      if (frame.length > eventLimit) throw eventTooLarge(frame.length, eventLimit);
    } catch (error) {
      return this.#failWith(error, true);
    }
    this.#add(frame, 1);
  }

  #add(frame: Uint8Array, events: number): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#events += events;
    if (this.#bytes <= this.#options.bufferBytes) return;
    this.#connection.pump();
    if (this.#bytes > 0) this.#connection.destroy("overflow");
  }

  /** The source has ended: the client still gets what was pushed before, and does not reconnect. */
  #close(): void {
    this.#endWith("closed", () => {
      const { control } = this.#connection.options;
      this.#connection.end("closed", endFrame("done", this.#terminalId(), undefined, control));
    });
  }

  /** Only the source itself can say that it will not work later: by a `HoldfastError` that is not retryable. */
  #fail(error: unknown): void {
    this.#failWith(error, !HoldfastError.is(error) || error.retryable);
  }

  #failWith(cause: unknown, isTemporary: boolean): void {
    if (!this.#latch.closed || !isAbort(cause, this.#latch.reason)) this.#report("source", cause);
    const error = toHoldfastError(cause);
    this.#endWith("failed", () => {
      const { control } = this.#connection.options;
      const frame =
        isTemporary && this.#canReconnect
          ? errorFrame(this.#retryable(error), control)
          : endFrame("failed", this.#terminalId(), error, control);
      this.#connection.cut("failed", frame);
    });
  }

  /** The error as clients get it that shall reconnect. */
  #retryable({ code, message, expose, retryAfter }: HoldfastError): HoldfastError {
    return new HoldfastError(code, message, {
      expose,
      retryable: true,
      retryAfter: retryAfter ?? this.#connection.retryDelay("busy"),
    });
  }

  #terminalId(): string {
    return makeTerminalId(makeEpoch(this.#options.runtime.random), 0);
  }

  /** Releases the source at once; the response ends when everything before is written. */
  #endWith(reason: CloseReason, end: () => void): void {
    if (this.#latch.closed) return;
    this.#end = end;
    this.#latch.close(abortedError(reason));
    this.#connection.pump();
  }

  #warnIgnored(result: unknown): void {
    const message = `A source returned ${typeof result}, which is neither events nor a clean-up function. It is ignored.`;
    this.#options.runtime.report("warned", { id: undefined, message });
  }

  #report(stage: FailureStage, error: unknown): void {
    this.#options.runtime.report("failed", { ...this.#connection.labels, stage, error });
  }
}
