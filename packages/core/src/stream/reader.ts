import type { HoldfastError } from "../base/errors.ts";
import type { Run } from "../log/slab.ts";
import { concatFrames, type Control, errorFrame, liveFrame, resetFrame } from "../protocol/control-events.ts";
import { idBefore, type Reset, resolveCursor, trimmed } from "../protocol/cursor.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import type { ConnectionLabels, Report } from "../protocol/observer.ts";
import type { Handshake } from "./handshake.ts";
import { type PrefixPage, PrefixReader } from "./prefix-reader.ts";
import type { Stream, StreamReader } from "./stream.ts";

/** The side of a connection that a reader writes to. */
export interface ReaderOutput {
  /** Whether bytes may be written now. */
  readonly ready: boolean;
  readonly options: { readonly control: Control };
  readonly labels: ConnectionLabels;
  write(bytes: Uint8Array, events?: number): void;
  /** Ends the response in order. */
  end(reason: CloseReason, lastFrame: Uint8Array, end: StreamEnd): void;
  /** Ends the response so that a client that ignores control events sees that it is incomplete. */
  cut(reason: CloseReason, lastFrame?: Uint8Array, end?: StreamEnd): void;
  pump(): void;
  /** The replay is over; so many of the events written belonged to it. */
  caughtUp(events: number): void;
}

/**
 * The cursor of one connection in a stream. Replay and live delivery are one path: read from the cursor, and when there
 * is nothing more, wait until the stream wakes the reader. A slow client costs this cursor, not memory.
 */
export class Reader implements StreamReader {
  #stream: Stream;
  readonly #output: ReaderOutput;
  readonly #report: Report;
  /** The first frames, until they are written. */
  #handshake: Pick<Handshake, "bytes" | "reset"> | undefined;
  /** What is left of the snapshot prefix behind them. */
  #prefix: PrefixReader | undefined;
  /** The number of the next event to write. */
  #next: number;
  /** The last event of the replay, fixed when the reader is created: the replay does not chase a moving tail. */
  #replayTo: number;
  #replayed = 0;
  /** This client was never sent what was deleted and forgotten up to this number. */
  #floor: number;
  /** Whether the client got events on this connection. */
  #hasDelivered = false;
  #isLive = false;
  /** The notice of the stream that the client was told of last. */
  #toldNotice: HoldfastError | undefined;

  constructor(stream: Stream, output: ReaderOutput, handshake: Handshake, report: Report) {
    this.#stream = stream;
    this.#output = output;
    this.#report = report;
    this.#handshake = handshake;
    this.#prefix = handshake.prefix && new PrefixReader(handshake.prefix);
    this.#next = handshake.next;
    this.#replayTo = stream.log.last;
    this.#floor = stream.log.forgotten;
  }

  wake(): void {
    this.#output.pump();
  }

  moveTo(stream: Stream): void {
    const cursor = idBefore(this.#stream.log, this.#next);
    const { next, reset } = resolveCursor(stream.bounds, cursor, "start");
    this.#stream.detach(this);
    this.#stream = stream;
    this.#next = next;
    this.#replayTo = stream.log.last;
    stream.attach(this);
    if (reset !== undefined) this.#startOver(reset);
  }

  #startOver(reset: Reset): void {
    const stream = this.#stream;
    this.#dropPrefix();
    const frame = resetFrame(reset, idBefore(stream.log, this.#next), this.#output.options.control);
    if (this.#hasDelivered && !frame.isDispatched) {
      this.#report("reset", { ...this.#output.labels, ...reset });
      this.#output.cut("reset");
      return;
    }
    const { bytes } = this.#handshake ?? { bytes: new Uint8Array() };
    this.#handshake = { bytes: concatFrames([bytes, frame.bytes]), reset };
  }

  writeComment(comment: Uint8Array): void {
    if (this.#handshake === undefined && this.#prefix === undefined && this.#output.ready)
      this.#output.write(comment);
  }

  /** Stops reading. Idempotent. */
  detach(): void {
    this.#dropPrefix();
    this.#stream.detach(this);
  }

  #dropPrefix(): void {
    this.#prefix?.release();
    this.#prefix = undefined;
  }

  /**
   * Before a shutdown: writes the handshake and the events that the log holds, but no end, while the output is ready. After
   * any other drain the client gets them from this process.
   */
  flush(reason: DrainReason): void {
    if (reason !== "shutdown") return;
    while (this.#output.ready) {
      if (this.#handshake !== undefined) this.#writeHandshake(this.#handshake);
      else if (this.#prefix !== undefined) this.#writePage(this.#prefix.read());
      else if (this.#next < this.#stream.log.first || this.#next > this.#stream.last || this.#isBehind)
        return;
      else this.#readLog();
    }
  }

  /** Writes what there is while the output is ready for it. */
  pump(): void {
    while (this.#output.ready) {
      const { log } = this.#stream;
      if (this.#handshake !== undefined) {
        this.#writeHandshake(this.#handshake);
      } else if (this.#prefix !== undefined) {
        this.#writePage(this.#prefix.read());
      } else if (this.#next < log.first) {
        if (!this.#readArchive()) return;
      } else if (this.#isBehind) {
        this.#replayAgain();
      } else if (!this.#isLive && this.#next > this.#replayTo) {
        this.#goLive();
      } else if (this.#next <= this.#stream.last) {
        this.#readLog();
      } else if (this.#stream.notice !== this.#toldNotice) {
        this.#writeNotice();
      } else if (this.#stream.visibleEnd !== undefined) {
        this.#end(this.#stream.visibleEnd);
      } else {
        return;
      }
    }
  }

  /** Only `done` is a clean end. */
  #end(end: StreamEnd): void {
    const lastFrame = this.#stream.endFrame(this.#output.options.control);
    if (end.status === "done") this.#output.end("ended", lastFrame, end);
    else this.#output.cut("ended", lastFrame, end);
  }

  #writeHandshake({ bytes, reset }: Pick<Handshake, "bytes" | "reset">): void {
    this.#handshake = undefined;
    if (reset !== undefined) this.#report("reset", { ...this.#output.labels, ...reset });
    this.#writePage(this.#prefix?.readBehind(bytes) ?? { bytes, events: 0 });
  }

  #writePage({ bytes, events }: PrefixPage): void {
    if (this.#prefix?.isOver === true) this.#prefix = undefined;
    this.#replayed += events;
    this.#hasDelivered ||= events > 0;
    this.#output.write(bytes, events);
  }

  #readLog(): void {
    const { log, last } = this.#stream;
    const isReplay = this.#next <= this.#replayTo;
    this.#write(log.read(this.#next, isReplay ? Math.min(last, this.#replayTo) : last, !isReplay));
  }

  #write(run: Run): void {
    const events = run.events ?? run.last - this.#next + 1;
    if (!this.#isLive) this.#replayed += events;
    this.#next = run.last + 1;
    if (run.bytes.length === 0) return;
    this.#hasDelivered = true;
    // A notice that is still there, or there again, belongs behind these events.
    this.#toldNotice = undefined;
    this.#output.write(run.bytes, events);
  }

  /** Whether a change is no longer known that the client has missed. */
  get #isBehind(): boolean {
    const { forgotten } = this.#stream.log;
    return this.#floor < forgotten && this.#next <= forgotten;
  }

  #replayAgain(): void {
    const { log } = this.#stream;
    this.#next = log.first;
    this.#replayTo = log.last;
    this.#floor = log.forgotten;
    this.#startOver({ reason: "epoch", lost: null });
  }

  /** The log has dropped the next event: an archive still has it, or it is lost. Returns whether there is more to do now. */
  #readArchive(): boolean {
    const { archive, first } = this.#stream;
    if (archive === undefined || this.#next < first) {
      this.#skipToFirst();
      return true;
    }
    const run = archive.read(this.#next, this);
    if (run !== undefined) this.#write(run);
    return run !== undefined;
  }

  /** Tells the client what it has lost, and continues with the oldest event held. */
  #skipToFirst(): void {
    const { log, bounds } = this.#stream;
    const reset = trimmed(bounds, this.#next);
    this.#next = bounds.first;
    this.#report("reset", { ...this.#output.labels, ...reset });
    const frame = resetFrame(reset, idBefore(log, this.#next), this.#output.options.control);
    if (this.#hasDelivered && !frame.isDispatched) this.#output.cut("reset");
    else this.#output.write(frame.bytes);
  }

  #goLive(): void {
    this.#isLive = true;
    if (this.#replayed > 0) this.#output.caughtUp(this.#replayed);
    if (this.#stream.end === undefined) this.#output.write(liveFrame(this.#output.options.control));
  }

  #writeNotice(): void {
    const { notice } = this.#stream;
    this.#toldNotice = notice;
    if (notice !== undefined) this.#output.write(errorFrame(notice, this.#output.options.control));
  }
}
