import { answerAtTheDoor } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { Connection, type ConnectionOptions, type Feed } from "./connection.ts";
import { errorFrame, fieldFrame, joined } from "./control.ts";
import { encodeEvent } from "./encode.ts";
import { HoldfastError, toHoldfastError } from "./errors.ts";
import type { SseEvent } from "./event.ts";
import { makeEpoch, makeTerminalId } from "./event-id.ts";
import { isPullable, pull } from "./iterate.ts";
import type { CloseReason, Report } from "./observer.ts";
import type { Outcome } from "./outcome.ts";
import type { OpenSink, SseRequest } from "./sink.ts";
import type { BareFunction, BareIterable, BareSource } from "./source.ts";
import { Ticker } from "./ticker.ts";

/** A source that never waits is made to, after so many events, so that timers and sockets have their turn. */
const BURST = 64;

export interface BareOptions extends ConnectionOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  /** How many bytes are kept for a held client. */
  readonly bufferBytes: number;
  readonly maxEventBytes: number;
}

/** Serves a source that feeds this connection alone. */
export function serveBare(
  request: SseRequest,
  open: OpenSink,
  source: BareSource,
  options: BareOptions,
): Promise<Outcome> {
  const { clock, random, report } = options;
  const answered = answerAtTheDoor(request, open);
  if (answered !== undefined) {
    if (typeof source !== "function") pull(source, ignore).release();
    return answered;
  }
  const keeper = {
    clock,
    random,
    report,
    ticker: new Ticker(clock, options.heartbeat),
    left: () => undefined,
  };
  const connection = new Connection(keeper, undefined, request, open, options);
  const feed = new BareFeed(connection, options);
  connection.follow(feed);
  connection.begin();
  if (connection.ready) connection.write(fieldFrame({ retry: connection.retry() }));
  void feed.run(source, request.cursor);
  return connection.over;
}

function ignore(): void {
  // A source that was never begun has nothing to say.
}

/** Frames on their way from a source to its connection, in order. */
class BareFeed implements Feed {
  readonly #connection: Connection;
  readonly #options: BareOptions;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #events = 0;
  #nudged = false;
  #closing: { readonly reason: CloseReason; readonly frames: readonly Uint8Array[] } | undefined;
  #readyAgain: (() => void) | undefined;

  constructor(connection: Connection, options: BareOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Feeds the connection until the source is over or let go. Never rejects. */
  async run(source: BareSource, cursor: string | undefined): Promise<void> {
    const { latch } = this.#connection;
    latch.defer(() => this.#readyAgain?.());
    try {
      const given = typeof source === "function" ? await this.#call(source, cursor) : source;
      if (isPullable(given)) await this.#pullAll(given);
      else if (typeof given === "function") latch.defer(given);
    } catch (error) {
      this.#fail(error);
    }
  }

  pump(): void {
    if (this.#bytes > 0) {
      const bytes = joined(this.#frames);
      const events = this.#events;
      this.#frames = [];
      this.#bytes = this.#events = 0;
      this.#connection.write(bytes, events);
    }
    if (!this.#connection.ready) return;
    if (this.#closing !== undefined) this.#connection.end(this.#closing.reason, joined(this.#closing.frames));
    else this.#readyAgain?.();
  }

  #call(source: BareFunction, lastEventId: string | undefined): ReturnType<BareFunction> {
    return source({
      lastEventId,
      signal: this.#connection.latch.signal,
      push: (event) => this.#push(event),
      close: () => this.#close("closed"),
    });
  }

  async #pullAll(source: BareIterable): Promise<void> {
    const { latch } = this.#connection;
    const { report, clock } = this.#options;
    const run = pull(source, (error) => report("failed", { id: undefined, stage: "source", error }));
    latch.defer((reason) => run.release(reason));
    for (let count = 1; ; count++) {
      await this.#ready();
      const item = await run.next();
      if (item === undefined) return this.#close("closed");
      if (item.value instanceof HoldfastError) this.#add(errorFrame(item.value, this.#options.control), 0);
      else this.#add(this.#encode(item.value), 1);
      this.#connection.pump();
      if (count % BURST === 0) await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }

  /** Resolves when the client can take more, or is gone. */
  #ready(): Promise<void> | undefined {
    if (this.#connection.ready || this.#connection.latch.closed) return undefined;
    return new Promise((resolve) => {
      this.#readyAgain = () => {
        this.#readyAgain = undefined;
        resolve();
      };
    });
  }

  #push(event: SseEvent): void {
    if (this.#connection.latch.closed || this.#closing !== undefined) return;
    this.#add(this.#encode(event), 1);
    if (this.#nudged) return;
    this.#nudged = true;
    this.#options.clock.soon(() => {
      this.#nudged = false;
      this.#connection.pump();
    });
  }

  #encode(event: SseEvent): Uint8Array {
    const frame = encodeEvent(event);
    const most = this.#options.maxEventBytes;
    if (frame.length <= most) return frame;
    throw new HoldfastError(
      "EVENT_TOO_LARGE",
      `An event takes at most ${most} bytes, this one has ${frame.length}.`,
    );
  }

  #add(frame: Uint8Array, events: number): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#events += events;
    if (this.#bytes <= this.#options.bufferBytes) return;
    this.#connection.pump();
    if (this.#bytes > 0) this.#connection.destroy("overflow");
  }

  #close(reason: CloseReason, ...frames: readonly Uint8Array[]): void {
    const id = makeTerminalId(makeEpoch(this.#options.random), 0);
    this.#closing ??= { reason, frames: [...frames, fieldFrame({ id })] };
    this.#connection.pump();
  }

  #fail(error: unknown): void {
    const { control, report } = this.#options;
    if (this.#connection.latch.closed) return;
    report("failed", { id: undefined, stage: "source", error });
    this.#close("failed", errorFrame(toHoldfastError(error), control));
  }
}
