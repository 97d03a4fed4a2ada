import type { Runtime } from "../protocol/runtime.ts";
import { bridgeAbort } from "../base/abort-bridge.ts";
import { ConnectionMetrics } from "./connection-metrics.ts";
import { sendEmptyResponse } from "./empty-response.ts";
import { drainFrame } from "../protocol/control-events.ts";
import { HEARTBEAT } from "../protocol/encode.ts";
import { abortedError } from "../base/errors.ts";
import { NO_STREAM_HEADERS, STREAM_HEADERS } from "../protocol/headers.ts";
import { createLatch, type Latch } from "../base/latch.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import type { ServeResult, StreamEnd } from "../protocol/outcome.ts";
import type { OpenSink, Sink, SseRequest } from "./sink.ts";
import type { ScheduledTask, Scheduler } from "./scheduler.ts";

/** What gives a connection its bytes. */
export interface FrameSource {
  /** Writes what there is while the connection is ready. Called when it may be ready again. */
  pump(): void;
  /** Writes what nobody can come back for, before the connection ends. Called while it is ready. */
  flush?(): void;
}

/** What a connection takes from the one who keeps it. */
export interface ConnectionOwner {
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  /** The response is over. */
  remove(connection: Connection): void;
}

export interface ConnectionOptions {
  readonly heartbeat: number;
  readonly idleTimeout: number;
  readonly maxDuration: number;
  /** Whether control events are dispatched. */
  readonly control: boolean;
  /** What a client gets for which there is no room. */
  readonly overload: "drain" | "refuse";
}

/**
 * One client being served. Its latch closes when the serving is over; the response itself may take longer, until
 * what was written is flushed or cut, and is watched until then.
 *
 * There is no queue: whoever feeds a connection keeps a cursor, and writes while it is `ready`.
 */
export class Connection implements ScheduledTask {
  due: number = Infinity;
  heapIndex: number = -1;
  readonly id: string | undefined;
  readonly latch: Latch;
  readonly options: ConnectionOptions;
  readonly #keeper: ConnectionOwner;
  readonly #open: OpenSink;
  #detach: () => void = () => undefined;
  /** Resolves when the response is over; rejects when it could not begin. */
  readonly over: Promise<ServeResult>;
  #resolveOver: (outcome: ServeResult | Promise<ServeResult>) => void = () => undefined;
  #rejectOver: (error: unknown) => void = () => undefined;
  #sink: Sink | undefined;
  #source: FrameSource | undefined;
  #begun = false;
  #finished = false;
  #end: StreamEnd | undefined;
  #held = false;
  /** Since when it has been held or closing. */
  #stuckSince = 0;
  #lastWrite = 0;
  #expiresAt = Infinity;
  #drainsAt = Infinity;
  /** What is said as soon as the connection is ready. */
  #draining: { readonly reason: DrainReason; readonly spread: number } | undefined;
  #metrics: ConnectionMetrics | undefined;

  /** @param id the stream's id; `undefined` for a bare source */
  constructor(
    keeper: ConnectionOwner,
    id: string | undefined,
    request: SseRequest,
    open: OpenSink,
    options: ConnectionOptions,
  ) {
    this.id = id;
    this.options = options;
    this.#keeper = keeper;
    this.#open = open;
    this.over = new Promise((resolve, reject) => {
      this.#resolveOver = resolve;
      this.#rejectOver = reject;
    });
    this.latch = createLatch({
      onError: (error) => keeper.runtime.report("failed", { id, stage: "cleanup", error }),
    });
    this.#detach = bridgeAbort(request.signal, this);
  }

  /** Whether bytes may be written now. */
  get ready(): boolean {
    return this.#sink !== undefined && !this.#held && !this.latch.closed;
  }

  /** Whether the status was said. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Begins the stream: headers with status 200. Idempotent; nothing once the latch is closed. */
  begin(): void {
    if (this.#begun || this.latch.closed) return;
    const { runtime, scheduler } = this.#keeper;
    this.#begun = true;
    this.#lastWrite = runtime.clock.now();
    this.#expiresAt = this.#lastWrite + this.options.maxDuration * (0.9 + 0.2 * runtime.random());
    this.#metrics = new ConnectionMetrics(this.id, runtime);
    this.#metrics.open();
    try {
      const events = { drained: () => this.#drained(), closed: () => this.#finish() };
      this.#sink = this.#open(200, { ...STREAM_HEADERS }, events);
    } catch (error) {
      this.#rejectOver(error);
      this.destroy("failed");
      return;
    }
    if (this.#finished) this.#sink.destroy();
    else scheduler.set(this, this.#nextDue());
  }

  /** Answers without a stream. The response MUST NOT have begun. */
  refuse(status: number, headers?: Readonly<Record<string, string>>): void {
    this.#begun = true;
    this.latch.close("closed" satisfies CloseReason);
    this.#leave();
    this.#resolveOver(sendEmptyResponse(this.#open, status, headers));
  }

  /** Sets what feeds the connection from now on; nothing is written before the next {@link pump}. */
  follow(source: FrameSource): void {
    this.#source = source;
    this.#drainsAt = Infinity;
  }

  /** Drains the connection at that time unless {@link follow} is called before. */
  drainAt(time: number): void {
    this.#drainsAt = time;
    this.#sooner();
  }

  /** Lets the source write. Never throws: a source or sink that does costs this connection alone. */
  pump(): void {
    try {
      if (this.#draining !== undefined && this.ready)
        this.#sayDrain(this.#draining.reason, this.#draining.spread);
      else if (this.ready) this.#source?.pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes whole frames. The connection MUST be ready. */
  write(bytes: Uint8Array, events = 0): void {
    if (bytes.length === 0) return;
    this.#metrics?.wrote(bytes.length, events);
    this.#lastWrite = this.#keeper.runtime.clock.now();
    let taken: boolean;
    try {
      taken = (this.#sink as Sink).write(bytes);
    } catch (error) {
      return this.#fail(error);
    }
    if (taken || this.latch.closed) return;
    this.#held = true;
    this.#stuck();
  }

  /** So many of the events written were a replay, which is over. */
  caughtUp(events: number): void {
    this.#metrics?.caughtUp(events);
  }

  /** Ends the response in order, with a last frame if the connection is ready for one. */
  end(reason: CloseReason, lastFrame?: Uint8Array, end?: StreamEnd): void {
    if (this.latch.closed) return;
    if (lastFrame !== undefined) this.write(lastFrame);
    if (this.latch.closed) return;
    this.#end = end;
    this.latch.close(reason);
    this.#stuck();
    this.#sink?.close();
  }

  /**
   * Sends the client away while its stream goes on. A held connection is destroyed, or on shutdown told when it is
   * ready again, if its keeper lets it live that long.
   *
   * @param spread a further random time in ms for the client to stay away
   */
  drain(reason: DrainReason, spread = 0): void {
    if (this.latch.closed) return;
    this.begin();
    if (this.ready) this.#sayDrain(reason, spread);
    else if (reason === "shutdown") this.#draining ??= { reason, spread };
    else this.destroy(reason);
  }

  /** Drains the connection when the application says so; at once if it has said so already. */
  drainOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    this.latch.defer(bridgeAbort(signal, { abort: () => this.drain("aborted") }));
  }

  /** Sends a client away that is not let in. */
  reject(reason: DrainReason, spread = 0): void {
    if (reason !== "busy" || this.options.overload === "drain" || this.#begun)
      return this.drain(reason, spread);
    const seconds = Math.ceil(this.retry(reason) / 1_000);
    this.refuse(503, { ...NO_STREAM_HEADERS, "retry-after": String(seconds) });
  }

  /** Cuts the connection. */
  destroy(reason: CloseReason, error?: unknown): void {
    if (!this.#begun) return this.refuse(499);
    this.latch.close(reason);
    if (reason === "disconnected") this.#sink?.destroy();
    else this.#sink?.destroy(error ?? abortedError(reason));
    this.#finish();
  }

  /** The request's signal has aborted: the peer is gone. */
  abort(): void {
    this.destroy("disconnected");
  }

  /** A fresh random reconnection time in ms: 1,000 to 2,000, busy 5,000 to 30,000. */
  retry(reason?: DrainReason): number {
    const { random } = this.#keeper.runtime;
    return Math.round(reason === "busy" ? 5_000 + 25_000 * random() : 1_000 + 1_000 * random());
  }

  visit(now: number): number {
    this.#metrics?.tellDelivered();
    if (this.#isStuck && now >= this.#stuckSince + this.options.idleTimeout) this.destroy("zombie");
    else if (this.latch.closed) return this.#nextDue();
    else if (now >= this.#expiresAt) this.drain("max-duration");
    else if (now >= this.#drainsAt) this.drain("waiting");
    else if (!this.#held && now >= this.#lastWrite + this.options.heartbeat) this.#beat();
    return this.#nextDue();
  }

  #beat(): void {
    this.write(HEARTBEAT);
    this.#metrics?.beat();
  }

  #nextDue(): number {
    const { heartbeat, idleTimeout } = this.options;
    if (this.latch.closed) return this.#stuckSince + idleTimeout;
    const next = this.#held ? this.#stuckSince + idleTimeout : this.#lastWrite + heartbeat;
    return Math.min(next, this.#expiresAt, this.#drainsAt);
  }

  get #isStuck(): boolean {
    return this.#held || this.latch.closed;
  }

  /** From now on the sink has `idleTimeout` to flush what it was given. */
  #stuck(): void {
    this.#stuckSince = this.#keeper.runtime.clock.now();
    this.#sooner();
  }

  /** Has itself looked at earlier, if it is due earlier now. */
  #sooner(): void {
    const due = this.#nextDue();
    if (this.heapIndex !== -1 && due < this.due) this.#keeper.scheduler.set(this, due);
  }

  #sayDrain(reason: DrainReason, spread: number): void {
    const retry = this.retry(reason) + Math.round(spread * this.#keeper.runtime.random());
    this.#source?.flush?.();
    this.end(reason, this.ready ? drainFrame(reason, retry, this.options.control) : undefined);
  }

  #drained(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#sooner();
    this.pump();
  }

  #fail(error: unknown): void {
    this.#keeper.runtime.report("failed", { id: this.id, stage: "delivery", error });
    this.destroy("failed", error);
  }

  /** The response is over, flushed or cut. */
  #finish(): void {
    if (this.#finished) return;
    this.latch.close("disconnected" satisfies CloseReason);
    this.#leave();
    const reason = this.latch.reason as CloseReason;
    this.#metrics?.close(reason);
    this.#resolveOver({ status: 200, reason, ...(this.#end !== undefined && { end: this.#end }) });
  }

  #leave(): void {
    this.#finished = true;
    this.#detach();
    this.#keeper.scheduler.delete(this);
    this.#keeper.remove(this);
  }
}
