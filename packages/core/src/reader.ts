import { errorFrame, joined, liveFrame, openFrame, resetFrame } from "./control.ts";
import type { HoldfastError } from "./errors.ts";
import type { CloseReason, Report } from "./observer.ts";
import type { StreamEnd } from "./outcome.ts";
import { type From, idBefore, locate, type Position, type Reset, trimmed } from "./position.ts";
import type { Stream, StreamReader } from "./stream.ts";

/** The side of a connection that a reader writes to. */
export interface Outlet {
  readonly ready: boolean;
  readonly options: { readonly control: boolean; readonly heartbeat: number };
  write(bytes: Uint8Array, events?: number): void;
  end(reason: CloseReason, lastFrame: Uint8Array, end: StreamEnd): void;
  pump(): void;
  retry(): number;
}

/**
 * Where a connection stands in a stream. Replay and live delivery are one path: read from the cursor, and when
 * there is nothing more, wait to be nudged. A slow client costs this cursor, not memory.
 */
export class Reader implements StreamReader {
  readonly #stream: Stream;
  readonly #outlet: Outlet;
  readonly #report: Report;
  #opening: Uint8Array | undefined;
  /** The number of the next event to write. */
  #next: number;
  /** The last event of the replay, fixed when the reader came: it does not chase a moving tail. */
  readonly #replayTo: number;
  #replayed = 0;
  #live = false;
  #heard: HoldfastError | undefined;

  constructor(stream: Stream, outlet: Outlet, cursor: string | undefined, from: From, report: Report) {
    this.#stream = stream;
    this.#outlet = outlet;
    this.#report = report;
    const { log } = stream;
    // A channel promises no beginning.
    const position = locate(log, cursor, from === "start" && stream.kind === "channel" ? "held" : from);
    this.#next = position.next;
    this.#replayTo = log.last;
    this.#opening = this.#open(position);
  }

  nudge(): void {
    this.#outlet.pump();
  }

  pump(): void {
    const { log } = this.#stream;
    while (this.#outlet.ready) {
      if (this.#opening !== undefined) {
        const opening = this.#opening;
        this.#opening = undefined;
        this.#outlet.write(opening);
      } else if (this.#next < log.first) {
        const reset = trimmed(log, this.#next);
        this.#next = log.first;
        this.#outlet.write(this.#reset(reset));
      } else if (!this.#live && this.#next > this.#replayTo) {
        this.#goLive();
      } else if (this.#next <= log.last) {
        const run = log.read(this.#next, this.#live ? log.last : this.#replayTo);
        const events = run.last - this.#next + 1;
        if (!this.#live) this.#replayed += events;
        this.#next = run.last + 1;
        this.#outlet.write(run.bytes, events);
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

  #open({ next, reset }: Position): Uint8Array {
    const { log, end } = this.#stream;
    const { heartbeat } = this.#outlet.options;
    const data = {
      state: end === undefined ? "live" : "ended",
      first: log.first,
      last: log.last,
      heartbeat,
    } as const;
    // An id before the reset would let a client that is cut in between come back behind the gap.
    const id = reset === undefined ? idBefore(log, next) : undefined;
    const open = openFrame(data, id, this.#outlet.retry(), this.#dispatch);
    return reset === undefined ? open : joined([open, this.#reset(reset)]);
  }

  /** Moves the client to the first event that is held. */
  #reset(reset: Reset): Uint8Array {
    const { id, log } = this.#stream;
    this.#report("reset", { id, ...reset });
    return resetFrame(reset, idBefore(log, log.first), this.#dispatch);
  }

  #goLive(): void {
    this.#live = true;
    if (this.#replayed > 0) this.#report("replayed", { id: this.#stream.id, events: this.#replayed });
    if (this.#stream.end === undefined) this.#outlet.write(liveFrame(this.#dispatch));
  }

  #tell(): void {
    this.#heard = this.#stream.notice;
    if (this.#heard !== undefined) this.#outlet.write(errorFrame(this.#heard, this.#dispatch));
  }
}
