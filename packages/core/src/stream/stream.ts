import { endFrame } from "../protocol/control-events.ts";
import { abortedError, HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Bounds } from "../protocol/cursor.ts";
import { makeTerminalId } from "../protocol/event-id.ts";
import { createLatch } from "../base/latch.ts";
import { Log, type LogLimits, type Run } from "../log/log.ts";
import type { EndStatus } from "../protocol/reasons.ts";
import type { StreamEnd } from "../protocol/outcome.ts";

/** A reader as its stream sees it. */
export interface StreamReader {
  /** Something has changed; the reader looks for itself what. MUST NOT throw. */
  wake(): void;
  /** Goes on in another life of the id, from what is held there. */
  move?(stream: Stream): void;
  /** Passes a comment on, if its client can take one now. MUST NOT throw. */
  remark?(comment: Uint8Array): void;
}

/** What is kept elsewhere of the frames that a log has forgotten. */
export interface Archive {
  /** The oldest frame that is kept, as far as is known. */
  readonly first: number;
  /** Frames from `from` on; `undefined` if they are not here yet: the reader is nudged when there is news of them. */
  read(from: number, reader: StreamReader): Run | undefined;
}

/** How far readers may go in a log whose newest frames are not for them yet. */
export interface HighWatermark {
  /** The last frame for them. */
  readonly last: number;
  /** Whether the end is for them. */
  readonly ended: boolean;
}

/** What a stream tells the one who keeps it. */
export interface StreamHooks {
  /** The stream has news for its readers. Called within `push`: readers MUST NOT be run before it returns. */
  changed(stream: Stream): void;
  /** The log's size has changed by so many bytes. */
  resized(stream: Stream, bytes: number): void;
  ended(stream: Stream): void;
  /** A reader came or left. */
  attended(stream: Stream): void;
}

export type StreamKind = "stream" | "channel";

/** One life of a named log with its producer's side and its readers. */
export class Stream {
  readonly id: string;
  readonly kind: StreamKind;
  readonly log: Log;
  /** The last event that the observer was told of. */
  told: number = 0;
  /** Whether its readers are to be nudged in this turn. */
  toNudge: boolean = false;
  /** When something was pushed, or a reader came or left. */
  activeAt: number = 0;
  readonly readers: Set<StreamReader> = new Set();
  archive: Archive | undefined;
  highWatermark: HighWatermark | undefined;
  readonly #keeper: StreamHooks;
  /** Closes when somebody else than its producer ends the stream. */
  readonly #taken = createLatch();
  #end: StreamEnd | undefined;
  #notice: HoldfastError | undefined;

  constructor(id: string, kind: StreamKind, epoch: string, limits: LogLimits, keeper: StreamHooks) {
    this.id = id;
    this.kind = kind;
    this.log = new Log(epoch, limits);
    this.#keeper = keeper;
  }

  /** Aborts when somebody else than the producer ends the stream, after the end. */
  get signal(): AbortSignal {
    return this.#taken.signal;
  }

  /** The oldest frame that a reader can have. */
  get first(): number {
    return this.archive === undefined ? this.log.first : Math.min(this.archive.first, this.log.first);
  }

  /** The newest frame that a reader can have now. */
  get last(): number {
    return this.highWatermark === undefined ? this.log.last : this.highWatermark.last;
  }

  get bounds(): Bounds {
    return { epoch: this.log.epoch, first: this.first, last: this.log.last };
  }

  /** The end, if it is for readers now. */
  get visibleEnd(): StreamEnd | undefined {
    return this.highWatermark === undefined || this.highWatermark.ended ? this.#end : undefined;
  }

  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** What readers should know besides the log, until the next event. */
  get notice(): HoldfastError | undefined {
    return this.#notice;
  }

  /**
   * Appends an event and returns its id; readers run later.
   *
   * @throws `STREAM_ENDED`, `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  push(event: SseEvent): string {
    if (this.#end !== undefined) {
      throw new HoldfastError("STREAM_ENDED", `The stream ${JSON.stringify(this.id)} has ended.`);
    }
    const before = this.log.bytes;
    const id = this.log.append(event);
    this.#notice = undefined;
    this.#keeper.resized(this, this.log.bytes - before);
    this.#keeper.changed(this);
    return id;
  }

  /** Appends frames that were pushed elsewhere, behind frame `after`; what lies before that is skipped. */
  receive(after: number, frames: readonly Uint8Array[]): void {
    const before = this.log.bytes;
    if (after > this.log.last) this.log.skip(after);
    for (const frame of frames) this.log.appendFrame(frame);
    this.told = this.log.last;
    this.#keeper.resized(this, this.log.bytes - before);
    this.#keeper.changed(this);
  }

  /** Tells the readers of an error that is not part of the log; it replaces the one before. */
  tell(error: HoldfastError): void {
    if (this.#end !== undefined) return;
    this.#notice = error;
    this.#keeper.changed(this);
  }

  /** Ends the stream; the first end stays. */
  finish(status: EndStatus, error?: HoldfastError): void {
    if (this.#end !== undefined) return;
    this.#end = { status, error };
    this.#notice = undefined;
    this.#keeper.ended(this);
    this.#keeper.changed(this);
  }

  /** The stream has ended, and otherwise for everybody else: so it is told from now on. */
  overrule(status: EndStatus): void {
    this.#end = { status, error: undefined };
  }

  /** Ends the stream on behalf of somebody else, then aborts the producer's signal. */
  take(status: EndStatus, reason: unknown = abortedError()): void {
    if (this.#end !== undefined) return;
    this.finish(status);
    this.#taken.close(reason);
  }

  /** The terminal record, behind the last event. The stream MUST have ended. */
  terminal(dispatch: boolean): Uint8Array {
    const { status, error } = this.#end as StreamEnd;
    return endFrame(status, makeTerminalId(this.log.epoch, this.log.last + 1), error, dispatch);
  }

  attach(reader: StreamReader): void {
    this.readers.add(reader);
    this.#keeper.attended(this);
  }

  /** Idempotent. */
  detach(reader: StreamReader): void {
    if (this.readers.delete(reader)) this.#keeper.attended(this);
  }
}
