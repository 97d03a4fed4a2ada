import { bridgeAbort } from "../base/abort-bridge.ts";
import { wallTime } from "../base/clock.ts";
import { ConnectionDeadlines } from "./connection-deadlines.ts";
import { ConnectionEvents } from "./connection-events.ts";
import type { FrameSource } from "./frame-source.ts";
import type { ConnectionOwner } from "./connection-pool.ts";
import { ConnectionMetrics } from "./connection-metrics.ts";
import { refusalHeaders, sendEmptyResponse } from "./empty-response.ts";
import { guardControl } from "./guard-control.ts";
import { concatFrames, drainFrame } from "../protocol/control-events.ts";
import { HEARTBEAT } from "../protocol/encode.ts";
import { abortedError } from "../base/errors.ts";
import { STREAM_HEADERS } from "../protocol/headers.ts";
import { createLatch, type Latch, type LatchOptions } from "../base/latch.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import type { ServeResult, StreamEnd, Transfer } from "../protocol/outcome.ts";
import { continuePages, withPages } from "./paged-sink.ts";
import type { ConnectionOptions } from "./options.ts";
import { retryDelay } from "./retry-delay.ts";
import type { OpenSink, Sink, SseRequest } from "./sink.ts";
import type { ScheduledTask } from "./scheduler.ts";

/**
 * The response to one client. It has no queue: a {@link FrameSource} keeps its own position and writes while the
 * connection is ready.
 *
 * The latch closes with the last write. The response takes longer, until its sink has flushed everything or is cut.
 */
export class Connection implements ScheduledTask, LatchOptions {
  due: number = Infinity;
  heapIndex: number = -1;
  readonly labels: ConnectionLabels;
  readonly since: number = wallTime();
  readonly latch: Latch;
  readonly options: ConnectionOptions;
  /** Resolves when the response is over; rejects when the sink could not be opened. */
  readonly done: Promise<ServeResult>;
  /** Whether the response has started, with a stream or without. */
  started: boolean = false;
  /** Whether bytes may be written now: the response has started and not ended, and the sink can take more. */
  ready: boolean = false;
  readonly #owner: ConnectionOwner;
  readonly #deadlines: ConnectionDeadlines;
  /** Forgotten once it was called, as what an adapter holds for its call is of no use any more. */
  #open: OpenSink | undefined;
  #removeAbortListener: (() => void) | undefined;
  #resolveDone!: (result: ServeResult | Promise<ServeResult>) => void;
  #sink: Sink | undefined;
  #source: FrameSource | undefined;
  #finished = false;
  #end: StreamEnd | undefined;
  #cause: unknown;
  /** The drain that is sent as soon as the connection is ready. */
  #pendingDrain: { readonly reason: DrainReason; readonly spread: number } | undefined;
  #metrics: ConnectionMetrics | undefined;

  constructor(
    owner: ConnectionOwner,
    labels: ConnectionLabels,
    request: SseRequest,
    open: OpenSink,
    options: ConnectionOptions,
  ) {
    this.labels = labels;
    this.options = guardControl(options, this);
    this.#owner = owner;
    this.#open = options.compression === false ? open : options.compression(open, request);
    this.#deadlines = new ConnectionDeadlines(options);
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    this.latch = createLatch(this);
    if (request.client !== undefined) request.client.onGone(this);
    else this.#removeAbortListener = bridgeAbort(request.signal, this);
  }

  get transfer(): Transfer | undefined {
    return this.#metrics?.transfer;
  }

  /** A clean-up of the latch failed. */
  onError(error: unknown): void {
    this.#owner.runtime.report("failed", { ...this.labels, stage: "cleanup", error });
  }

  abort(): void {
    this.destroy("disconnected");
  }

  /** Starts the response with status 200. Idempotent; without effect once the latch is closed. */
  start(): void {
    if (this.started || this.latch.closed) return;
    const { runtime, scheduler } = this.#owner;
    this.started = true;
    this.#deadlines.start(runtime.clock.now(), runtime.random());
    this.#metrics = new ConnectionMetrics(this.labels, runtime);
    this.#metrics.reportOpened();
    try {
      this.#sink = withPages(this.#takeOpen()(200, { ...STREAM_HEADERS }, new ConnectionEvents(this)));
    } catch (error) {
      this.#resolveDone(Promise.reject(error));
      this.destroy("failed");
      return;
    }
    if (this.#finished) return this.#sink.destroy();
    this.ready = true;
    scheduler.set(this, this.#deadlines.next, this.options.heartbeat);
  }

  /** Responds without a stream. The response MUST NOT have started. */
  respondEmpty(status: number, headers?: Readonly<Record<string, string>>): void {
    this.started = true;
    this.#closeLatch("closed");
    this.#release();
    this.#resolveDone(sendEmptyResponse(this.#takeOpen(), status, headers));
  }

  #takeOpen(): OpenSink {
    const open = this.#open as OpenSink;
    this.#open = undefined;
    return open;
  }

  /** Sets where frames come from. Nothing is written before the next {@link pump}. */
  setSource(source: FrameSource): void {
    if (this.latch.closed) source.detach?.();
    else this.#source = source;
  }

  /** Lets the source write. Never throws: if the source or the sink does, it costs this connection alone. */
  pump(): void {
    try {
      if (!this.ready) return;
      if (this.#pendingDrain === undefined) this.#source?.pump();
      else this.#sendDrain(this.#pendingDrain.reason, this.#pendingDrain.spread);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Writes whole frames. Without effect if the connection is not ready: making the frames may have failed it. */
  write(bytes: Uint8Array, events = 0): void {
    if (bytes.length === 0 || !this.ready) return;
    this.#metrics?.count(bytes.length, events);
    this.#deadlines.wrote(this.#owner.runtime.clock.now());
    let taken: boolean;
    try {
      taken = (this.#sink as Sink).write(bytes, events);
    } catch (error) {
      return this.fail(error);
    }
    // A sink may destroy the connection inside `write`.
    if (taken || !this.ready) return;
    this.ready = false;
    this.#deadlines.pause(this.#owner.runtime.clock.now(), this.#sink?.progress?.());
    this.#reschedule();
  }

  /** The replay is over; `events` of the written events were part of it. */
  caughtUp(events: number): void {
    this.#metrics?.reportReplayed(events);
  }

  /**
   * Ends the response in order. The last frame is written if the connection is ready.
   *
   * @param end how the stream ended, if it did
   */
  end(reason: CloseReason, lastFrame?: Uint8Array, end?: StreamEnd): void {
    if (this.#startEnd(reason, lastFrame, end)) this.#sink?.close();
  }

  /**
   * Ends the response behind the last frame, as `end` does, but so that a client that ignores control events sees that it
   * is incomplete. Clients that get control events know without that.
   */
  cut(reason: CloseReason, lastFrame?: Uint8Array, end?: StreamEnd): void {
    if (this.options.control === true) return this.end(reason, lastFrame, end);
    if (this.#startEnd(reason, lastFrame, end)) this.#sink?.cut(abortedError(reason));
  }

  /** Returns whether the sink can end the response now. */
  #startEnd(reason: CloseReason, lastFrame: Uint8Array | undefined, end: StreamEnd | undefined): boolean {
    if (this.latch.closed) return false;
    if (lastFrame !== undefined) this.write(lastFrame);
    if (this.latch.closed) return false;
    this.#end = end;
    this.#closeLatch(reason);
    this.#deadlines.close(this.#owner.runtime.clock.now(), this.#sink?.progress?.());
    this.#reschedule();
    return true;
  }

  /**
   * Asks the client to reconnect, and ends the response. A connection that is not ready is destroyed instead; on a
   * shutdown it is drained when it is ready again, unless the pool destroys it before.
   *
   * @param cause why, for the observer and `onClose`
   * @param spread adds a random time of up to this many ms to the client's reconnection time
   */
  drain(reason: DrainReason, spread = 0, cause?: unknown): void {
    if (this.latch.closed) return;
    this.#cause = cause;
    this.start();
    if (this.ready) this.#sendDrain(reason, spread);
    else if (reason === "shutdown") this.#pendingDrain ??= { reason, spread };
    else this.destroy(reason);
  }

  /** There is no room for the client: drains it or, where the option `overload` says so, responds with 503. */
  reject(): void {
    if (this.options.overload === "drain" || this.started) this.drain("busy");
    else this.respondEmpty(503, refusalHeaders(this.retryDelay("busy")));
  }

  /** Cuts the connection. */
  destroy(reason: CloseReason, error?: unknown): void {
    if (!this.started) return this.respondEmpty(499);
    this.#closeLatch(reason);
    this.#sink?.destroy(reason === "disconnected" ? undefined : (error ?? abortedError(reason)));
    this.finish();
  }

  retryDelay(reason?: DrainReason): number {
    return retryDelay(this.#owner.runtime.random, reason);
  }

  run(now: number, early: number): number {
    this.#metrics?.reportDelivered();
    const action = this.#deadlines.due(now, this.#sink, early);
    if (action === "heartbeat") {
      const cursor = this.#source?.takeCursor?.();
      this.write(cursor === undefined ? HEARTBEAT : concatFrames([cursor, HEARTBEAT]));
      this.#metrics?.reportHeartbeat();
    } else if (action === "zombie") this.destroy(action);
    else if (action !== undefined) this.drain(action);
    return this.#deadlines.next;
  }

  #sendDrain(reason: DrainReason, spread: number): void {
    const retry = this.retryDelay(reason) + Math.round(spread * this.#owner.runtime.random());
    this.#source?.flush?.(reason);
    // The client is told when it has taken what was flushed, unless the pool destroys the connection before.
    if (!this.ready && reason === "shutdown" && !this.latch.closed) this.#pendingDrain ??= { reason, spread };
    else this.cut(reason, this.ready ? drainFrame(reason, retry, this.options.control) : undefined);
  }

  /** Tells the scheduler if the next deadline is earlier than it knows. */
  #reschedule(): void {
    const due = this.#deadlines.next;
    if (this.heapIndex !== -1 && due < this.due) this.#owner.scheduler.set(this, due);
  }

  /** The sink has flushed what it was given. */
  flushed(): void {
    if (!continuePages(this.#sink) || !this.#deadlines.paused) return;
    this.#deadlines.resume();
    this.ready = !this.latch.closed;
    this.#reschedule();
    this.pump();
  }

  #closeLatch(reason: CloseReason): void {
    this.ready = false;
    this.latch.close(reason);
    const source = this.#source;
    this.#source = undefined;
    source?.detach?.();
  }

  /** Costs this connection alone. Before the response has started, the caller gets the error. */
  fail(error: unknown): void {
    if (!this.started) {
      this.started = true;
      this.#closeLatch("failed");
      this.#release();
      return this.#resolveDone(Promise.reject(error));
    }
    this.#owner.runtime.report("failed", { ...this.labels, stage: "delivery", error });
    this.destroy("failed", error);
  }

  /** The response is over, flushed or cut. */
  finish(): void {
    if (this.#finished) return;
    this.#closeLatch("disconnected");
    this.#release();
    const reason = this.latch.reason as CloseReason;
    this.#metrics?.reportClosed(reason, this.#cause);
    this.#resolveDone({ status: 200, reason, cause: this.#cause, end: this.#end, transfer: this.transfer });
  }

  #release(): void {
    this.#finished = true;
    this.#removeAbortListener?.();
    this.#owner.scheduler.delete(this);
    this.#owner.remove(this);
  }
}
