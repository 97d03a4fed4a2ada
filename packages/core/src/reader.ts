import { errorFrame, liveFrame, resetFrame } from "./control.ts";
import type { HoldfastError } from "./errors.ts";
import type { CloseReason, Report } from "./observer.ts";
import type { StreamEnd } from "./outcome.ts";
import { idBefore, type Reset, trimmed } from "./position.ts";
import type { Stream, StreamReader } from "./stream.ts";

/** The side of a connection that a reader writes to. */
export interface Outlet {
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
  readonly #stream: Stream;
  readonly #outlet: Outlet;
  readonly #report: Report;
  #opening: Opening | undefined;
  /** The number of the next event to write. */
  #next: number;
  /** The last event of the replay, fixed when the reader came: it does not chase a moving tail. */
  readonly #replayTo: number;
  #replayed = 0;
  #live = false;
  #heard: HoldfastError | undefined;

  /** @param opening what is said first, and the number of the first event behind it */
  constructor(stream: Stream, outlet: Outlet, opening: Opening & { readonly next: number }, report: Report) {
    this.#stream = stream;
    this.#outlet = outlet;
    this.#report = report;
    this.#opening = opening;
    this.#next = opening.next;
    this.#replayTo = stream.log.last;
  }

  nudge(): void {
    this.#outlet.pump();
  }

  pump(): void {
    const { log } = this.#stream;
    while (this.#outlet.ready) {
      if (this.#opening !== undefined) {
        this.#open(this.#opening);
      } else if (this.#next < log.first) {
        this.#reset();
      } else if (!this.#live && this.#next > this.#replayTo) {
        this.#goLive();
      } else if (this.#next <= log.last) {
        this.#deliver();
      } else if (this.#stream.notice !== this.#heard) {
        this.#tell();
      } else if (this.#stream.end !== undefined) {
        this.#outlet.end("ended", this.#stream.terminal(this.#dispatch), this.#stream.end);
      } else {
        return;
      }
    }
  }

  get #dispatch(): boolean {
    return this.#outlet.options.control;
  }

  #open({ bytes, events, reset }: Opening): void {
    this.#opening = undefined;
    this.#replayed += events;
    if (reset !== undefined) this.#report("reset", { id: this.#stream.id, ...reset });
    this.#outlet.write(bytes, events);
  }

  #deliver(): void {
    const { log } = this.#stream;
    const run = log.read(this.#next, this.#live ? log.last : this.#replayTo);
    const events = run.last - this.#next + 1;
    if (!this.#live) this.#replayed += events;
    this.#next = run.last + 1;
    this.#outlet.write(run.bytes, events);
  }

  /** The next event fell off the log: the client is moved to the first that is held. */
  #reset(): void {
    const { id, log } = this.#stream;
    const reset = trimmed(log, this.#next);
    this.#next = log.first;
    this.#report("reset", { id, ...reset });
    this.#outlet.write(resetFrame(reset, idBefore(log, this.#next), this.#dispatch));
  }

  #goLive(): void {
    this.#live = true;
    if (this.#replayed > 0) this.#outlet.caughtUp(this.#replayed);
    if (this.#stream.end === undefined) this.#outlet.write(liveFrame(this.#dispatch));
  }

  #tell(): void {
    this.#heard = this.#stream.notice;
    if (this.#heard !== undefined) this.#outlet.write(errorFrame(this.#heard, this.#dispatch));
  }
}
