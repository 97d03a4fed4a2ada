import { errorFrame, concatFrames, liveFrame, resetFrame } from "../protocol/control-events.ts";
import type { HoldfastError } from "../base/errors.ts";
import type { Run } from "../log/log.ts";
import type { Report } from "../protocol/observer.ts";
import type { CloseReason } from "../protocol/reasons.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import { idBefore, type Reset, trimmed } from "../protocol/cursor.ts";
import type { Stream, StreamReader } from "./stream.ts";

/** The side of a connection that a reader writes to. */
export interface ReaderOutput {
  readonly ready: boolean;
  readonly options: { readonly control: boolean };
  write(bytes: Uint8Array, events?: number): void;
  end(reason: CloseReason, lastFrame: Uint8Array, end: StreamEnd): void;
  pump(): void;
  /** So many of the events written were a replay, which is over. */
  caughtUp(events: number): void;
}

interface Opening {
  readonly bytes: Uint8Array;
  readonly events: number;
  readonly reset: Reset | undefined;
}

/**
 * Where a connection stands in a stream. Replay and live delivery are one path: read from the cursor, and when
 * there is nothing more, wait to be nudged. A slow client costs this cursor, not memory.
 */
export class Reader implements StreamReader {
  #stream: Stream;
  readonly #output: ReaderOutput;
  readonly #report: Report;
  #opening: Opening | undefined;
  /** The number of the next event to write. */
  #next: number;
  /** The last event of the replay, fixed when the reader came: it does not chase a moving tail. */
  #replayTo: number;
  #replayed = 0;
  #live = false;
  #heard: HoldfastError | undefined;

  /** @param opening what is said first, and the number of the first event behind it */
  constructor(
    stream: Stream,
    output: ReaderOutput,
    opening: Opening & { readonly next: number },
    report: Report,
  ) {
    this.#stream = stream;
    this.#output = output;
    this.#report = report;
    this.#opening = opening;
    this.#next = opening.next;
    this.#replayTo = stream.log.last;
  }

  wake(): void {
    this.#output.pump();
  }

  move(stream: Stream): void {
    this.#stream.detach(this);
    this.#stream = stream;
    this.#next = stream.first;
    this.#replayTo = stream.log.last;
    const reset: Reset = { reason: "epoch", lost: null };
    const frame = resetFrame(reset, idBefore(stream.log, this.#next), this.#dispatchesControl);
    const { bytes, events } = this.#opening ?? { bytes: new Uint8Array(), events: 0 };
    this.#opening = { bytes: concatFrames([bytes, frame]), events, reset };
    stream.attach(this);
  }

  remark(comment: Uint8Array): void {
    if (this.#opening === undefined && this.#output.ready) this.#output.write(comment);
  }

  /** Reads no more. Idempotent. */
  leave(): void {
    this.#stream.detach(this);
  }

  pump(): void {
    while (this.#output.ready) {
      const { log } = this.#stream;
      if (this.#opening !== undefined) {
        this.#open(this.#opening);
      } else if (this.#next < log.first) {
        if (!this.#catchUp()) return;
      } else if (!this.#live && this.#next > this.#replayTo) {
        this.#goLive();
      } else if (this.#next <= this.#stream.last) {
        this.#deliver();
      } else if (this.#stream.notice !== this.#heard) {
        this.#tell();
      } else if (this.#stream.visibleEnd !== undefined) {
        this.#output.end("ended", this.#stream.terminal(this.#dispatchesControl), this.#stream.visibleEnd);
      } else {
        return;
      }
    }
  }

  get #dispatchesControl(): boolean {
    return this.#output.options.control;
  }

  #open({ bytes, events, reset }: Opening): void {
    this.#opening = undefined;
    this.#replayed += events;
    if (reset !== undefined) this.#report("reset", { id: this.#stream.id, ...reset });
    this.#output.write(bytes, events);
  }

  #deliver(): void {
    const { log, last } = this.#stream;
    this.#write(log.read(this.#next, this.#live ? last : Math.min(last, this.#replayTo)));
  }

  #write(run: Run): void {
    const events = run.last - this.#next + 1;
    if (!this.#live) this.#replayed += events;
    this.#next = run.last + 1;
    this.#output.write(run.bytes, events);
  }

  /** The next event fell off the log: it is kept elsewhere, or lost. Whether there is more to do now. */
  #catchUp(): boolean {
    const { archive, first } = this.#stream;
    if (archive === undefined || this.#next < first) {
      this.#reset();
      return true;
    }
    const run = archive.read(this.#next, this);
    if (run !== undefined) this.#write(run);
    return run !== undefined;
  }

  /** The client is moved to the first event that is held. */
  #reset(): void {
    const { id, log, bounds } = this.#stream;
    const reset = trimmed(bounds, this.#next);
    this.#next = bounds.first;
    this.#report("reset", { id, ...reset });
    this.#output.write(resetFrame(reset, idBefore(log, this.#next), this.#dispatchesControl));
  }

  #goLive(): void {
    this.#live = true;
    if (this.#replayed > 0) this.#output.caughtUp(this.#replayed);
    if (this.#stream.end === undefined) this.#output.write(liveFrame(this.#dispatchesControl));
  }

  #tell(): void {
    this.#heard = this.#stream.notice;
    if (this.#heard !== undefined) this.#output.write(errorFrame(this.#heard, this.#dispatchesControl));
  }
}
