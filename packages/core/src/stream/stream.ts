import { abortedError, endedError, type HoldfastError, INTERRUPTED } from "../base/errors.ts";
import { frameLog, type StreamLog } from "../log/log.ts";
import { type Control, endFrame } from "../protocol/control-events.ts";
import type { Bounds, Joint } from "../protocol/cursor.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeTerminalId } from "../protocol/event-id.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { EndStatus } from "../protocol/reasons.ts";
import type { Archive, HighWatermark } from "./archive.ts";
import type { Interruption } from "./interruption.ts";
import { type CancelRequest, ProducerSession } from "./producer-session.ts";
import { Readers } from "./readers.ts";

/** A reader as its stream sees it. */
export interface StreamReader {
  /** The stream has changed; the reader finds out how. MUST NOT throw. */
  wake(): void;
  /** Continues in another life of the id, from the first event held there. */
  moveTo?(stream: Stream): void;
  /** Forwards a comment if its client can take one now. MUST NOT throw. */
  writeComment?(comment: Uint8Array): void;
}

/** What the owner of a stream is told. */
export interface StreamHooks {
  /** There is news for the readers. Called inside `push`: readers MUST NOT run before it returns. */
  changed(stream: Stream): void;
  /** The size of the log has changed by `bytes`. */
  resized(stream: Stream, bytes: number): void;
  ended(stream: Stream): void;
  /** The stream was interrupted, or has a producer again. */
  interruptionChanged(stream: Stream): void;
  /** A reader was attached or detached. */
  readersChanged(stream: Stream): void;
}

export type StreamKind = "stream" | "channel";

/** One life of an id: a log, its producer's side and its readers. */
export class Stream {
  readonly id: string;
  readonly kind: StreamKind;
  readonly log: StreamLog;
  readonly #hooks: StreamHooks;
  readonly #readers = new Readers();
  #session: ProducerSession | undefined;
  #interruption: Interruption | undefined;
  /** Set while a cancelled producer may still push. */
  #cancelRequest: CancelRequest | undefined;
  #archive: Archive | undefined;
  #highWatermark: HighWatermark | undefined;
  #end: StreamEnd | undefined;
  #notice: HoldfastError | undefined;
  #isWakePending = false;
  /** The number of the last event that was reported to the observer. */
  #lastReported = 0;
  #lastActiveAt = 0;

  constructor(id: string, kind: StreamKind, log: StreamLog, hooks: StreamHooks) {
    this.id = id;
    this.kind = kind;
    this.log = log;
    this.#hooks = hooks;
  }

  /** The producer in this process; one that is no longer active is not. */
  get session(): ProducerSession | undefined {
    return this.#session?.isActive === true ? this.#session : undefined;
  }

  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  get readers(): Pick<Readers, "size" | "has" | "list"> {
    return this.#readers;
  }

  /** When an event was pushed, or a reader attached or detached, for the last time. */
  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  /** The number of the oldest frame that a reader can have. */
  get first(): number {
    return this.#archive === undefined ? this.log.first : Math.min(this.#archive.first, this.log.first);
  }

  /** The number of the newest frame that a reader can have now. */
  get last(): number {
    return this.#highWatermark === undefined ? this.log.last : this.#highWatermark.last;
  }

  get bounds(): Bounds {
    const { epoch, joints, last, forgotten } = this.log;
    return { epoch, joints, first: this.first, last, forgotten };
  }

  get archive(): Archive | undefined {
    return this.#archive;
  }

  get highWatermark(): HighWatermark | undefined {
    return this.#highWatermark;
  }

  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** The end, if readers may have it now. */
  get visibleEnd(): StreamEnd | undefined {
    return this.#highWatermark === undefined || this.#highWatermark.ended ? this.#end : undefined;
  }

  /** An error that readers are told of and that is not part of the log; the next event clears it. */
  get notice(): HoldfastError | undefined {
    return this.#notice;
  }

  /**
   * Begins the part of a producer in this process. If there was another one, its session is revoked with `reason`, and the
   * log continues under the epoch of the new one, without a reset.
   *
   * @param retryWindow for how long the stream waits for another producer if this one fails, in ms
   */
  startSession(epoch: string, retryWindow: number, reason?: unknown): ProducerSession {
    this.#session?.revoke(reason);
    if (epoch !== this.log.epoch) frameLog(this).startEpoch(epoch);
    this.#session = new ProducerSession(epoch, retryWindow);
    if (this.#cancelRequest !== undefined) this.#session.requestStop(this.#cancelRequest.reason);
    this.resume();
    return this.#session;
  }

  /** The log begins behind frame `last` of a stream whose earlier frames are in a store. */
  continueFrom(epoch: string, joints: readonly Joint[], last: number): void {
    frameLog(this).startEpoch(epoch, joints);
    if (last > this.log.last) frameLog(this).skip(last);
    this.#lastReported = this.log.last;
  }

  /** Connects the stream to a store. Called once, before there are readers. */
  useStore(archive: Archive, highWatermark?: HighWatermark): void {
    this.#archive = archive;
    this.#highWatermark = highWatermark;
  }

  /**
   * Appends an event and returns its id; readers run later.
   *
   * @throws `STREAM_ENDED`, `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  push(event: SseEvent): string {
    if (this.#end !== undefined) throw endedError(this.id);
    const before = this.log.bytes;
    const id = frameLog(this).append(event);
    this.#notice = undefined;
    this.#hooks.resized(this, this.log.bytes - before);
    this.#hooks.changed(this);
    return id;
  }

  /** Appends frames that were pushed in another process, behind frame `after`; the log skips what lies before. */
  appendFrames(after: number, frames: readonly Uint8Array[]): void {
    const before = this.log.bytes;
    if (after > this.log.last) frameLog(this).skip(after);
    for (const frame of frames) frameLog(this).appendFrame(frame);
    // The process of the producer reports them.
    this.#lastReported = this.log.last;
    this.#hooks.resized(this, this.log.bytes - before);
    this.#hooks.changed(this);
  }

  setNotice(error: HoldfastError): void {
    if (this.#end !== undefined) return;
    this.#notice = error;
    this.#hooks.changed(this);
  }

  /** The stream has no producer any more, but is not over. Without effect if it has ended or is interrupted. */
  interrupt(interruption: Interruption): void {
    if (this.#end !== undefined || this.#interruption !== undefined) return;
    if (this.#cancelRequest !== undefined) return this.finish("cancelled");
    this.#interruption = interruption;
    this.#notice = INTERRUPTED;
    this.#hooks.interruptionChanged(this);
    this.#hooks.changed(this);
  }

  /** The stream has a producer again. */
  resume(): void {
    if (this.#interruption === undefined) return;
    this.#interruption = undefined;
    this.#notice = undefined;
    this.#hooks.interruptionChanged(this);
    this.#hooks.changed(this);
  }

  /**
   * Asks the producer to stop. What it pushes until it ends is kept; the stream ends as `cancelled`, whatever it says. When
   * the time is over, somebody else aborts it.
   */
  requestCancel(request: CancelRequest): void {
    this.#cancelRequest?.cancelTimer();
    this.#cancelRequest = request;
    this.#session?.requestStop(request.reason);
  }

  /** Ends the stream; the first end stays. */
  finish(status: EndStatus, error?: HoldfastError): void {
    if (this.#end !== undefined) return;
    const isCancelled = this.#cancelRequest !== undefined;
    this.#cancelRequest?.cancelTimer();
    this.#end = isCancelled ? { status: "cancelled", error: undefined } : { status, error };
    this.#notice = undefined;
    this.#interruption = undefined;
    this.#hooks.ended(this);
    this.#hooks.changed(this);
  }

  /** Ends the stream on behalf of somebody other than its producer, then aborts the producer's signal. */
  abort(status: EndStatus, reason: unknown = abortedError()): void {
    if (this.#end !== undefined) return;
    this.finish(status);
    this.#session?.revoke(reason);
  }

  /** The process of the producer stops: the stream is cancelled, or waits for another producer elsewhere. */
  stop(reason: HoldfastError): void {
    const retryWindow = this.session?.retryWindow ?? 0;
    if (this.#end !== undefined || this.#interruption !== undefined) return;
    if (retryWindow === 0) return this.abort("cancelled", reason);
    this.interrupt({ error: undefined, window: retryWindow });
    this.#session?.revoke(reason);
  }

  /**
   * Takes the stream away from its producer, which has lost it to another one. Returns the cancel that was under way: it is
   * no longer waited for here.
   */
  revokeSession(reason: unknown): CancelRequest | undefined {
    const request = this.#cancelRequest;
    request?.cancelTimer();
    this.#cancelRequest = undefined;
    this.#session?.revoke(reason);
    return request;
  }

  /** Replaces the status of a stream that has ended here: the store has another end, which everybody else is told. */
  correctEnd(status: EndStatus): void {
    this.#end = { status, error: undefined };
  }

  /** The terminal record, behind the last event. The stream MUST have ended. */
  endFrame(control: Control): Uint8Array {
    const { status, error } = this.#end as StreamEnd;
    return endFrame(status, makeTerminalId(this.log.epoch, this.log.last + 1), error, control);
  }

  attach(reader: StreamReader): void {
    this.#readers.add(reader);
    this.#hooks.readersChanged(this);
  }

  /** Idempotent. */
  detach(reader: StreamReader): void {
    if (this.#readers.delete(reader)) this.#hooks.readersChanged(this);
  }

  /** Moves all readers to another life of the id. */
  moveReadersTo(stream: Stream): void {
    for (const reader of this.#readers.list()) {
      reader.moveTo?.(stream);
      reader.wake();
    }
  }

  /** @param now by the clock of the registry, in ms */
  markActive(now: number): void {
    this.#lastActiveAt = now;
  }

  /** Returns whether this call has marked it: only then somebody has to call {@link wakeReaders}. */
  markForWake(): boolean {
    if (this.#isWakePending) return false;
    this.#isWakePending = true;
    return true;
  }

  /** Wakes all readers; before that, `reportPushed` is told how many events were pushed since the last call. */
  wakeReaders(now: number, reportPushed: (stream: Stream, events: number) => void): void {
    this.#isWakePending = false;
    this.markActive(now);
    const events = this.log.last - this.#lastReported;
    this.#lastReported = this.log.last;
    if (events > 0) reportPushed(this, events);
    this.#readers.wake();
  }
}
