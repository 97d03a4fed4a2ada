import type { Connection, Feed } from "./connection.ts";
import { endFrame, errorFrame, openFrame } from "./control.ts";
import type { Crowd } from "./crowd.ts";
import { HoldfastError } from "./errors.ts";
import { makeEpoch, makeTerminalId, parseId } from "./event-id.ts";
import { createLatch } from "./latch.ts";
import { continues, type Listener, openBehind, openFromLog, type Opening, positionIn } from "./opening.ts";
import type { ResolvedDelivery } from "./options.ts";
import type { From } from "./position.ts";
import { Reader } from "./reader.ts";
import type { Prelude } from "./snapshot.ts";
import type { Answer, Snapshots } from "./snapshots.ts";
import type { Stream, StreamKind } from "./stream.ts";
import type { Waiters } from "./waiters.ts";

/** What came of a look into the store. */
export type Looked =
  | { readonly state: "here"; readonly stream: Stream }
  | { readonly state: "missing" }
  /** The store is away, or the registry has no room. */
  | { readonly state: "unknown" | "full"; readonly error: HoldfastError };

/** The registry as a client that comes sees it. */
export interface House {
  readonly crowd: Crowd;
  readonly waiters: Waiters<Stream>;
  /** The counted ones of those who were told that they wait. */
  readonly waiting: Set<object>;
  readonly maxWaiting: number;
  readonly snapshots: Snapshots | undefined;
  /**
   * Looks for the stream in the store, now and from time to time, until the returned function is called; a channel is
   * made if it is not there.
   */
  readonly look:
    | ((id: string, kind: StreamKind, listener: (looked: Looked) => void) => () => void)
    | undefined;
  /** Whether a stream is held only for its readers, so that there may be more of it elsewhere. */
  readonly isReplica: (stream: Stream) => boolean;
  /** Starts the stream's source, if the registry has one for it; resolves the waiters. */
  readonly startSource: ((id: string) => void) | undefined;
  /** Nudges the stream's readers in the next turn. */
  changed(stream: Stream): void;
}

/** What a client came for. */
export interface Target {
  readonly id: string;
  /** What it is made as, if it can be made for a client. @default "stream", which cannot */
  readonly kind?: StreamKind;
  readonly find: () => Stream | undefined;
  readonly cursor: string | undefined;
  /** Whether the client counts against the limits. */
  readonly counted: boolean;
}

/** How long the status waits for the first answer, in ms: a 404 can only be said before the response begins. */
const STATUS_WAITS = 1_000;
/** How long a client is kept for a stream that is said to run somewhere else, in ms. */
const RUNNING_WAITS = 120_000;

/**
 * The search for what a client came for, and the way from there to its reader. It has a latch of its own, on which
 * everything is deferred: whatever decides closes it, and nothing decides twice.
 */
export class Search implements Feed {
  readonly #house: House;
  readonly #connection: Connection;
  readonly #target: Target;
  readonly #options: ResolvedDelivery;
  readonly #latch = createLatch();
  readonly #cameAt: number;
  /** What is still to be said while the client waits; bounded by one error per outage. */
  readonly #unsaid: Uint8Array[] = [];
  /** The last words, when there turns out to be nothing. */
  #gone: { readonly frame: Uint8Array; readonly error: HoldfastError } | undefined;
  #outage = false;
  #storeAway = false;
  /** Whether the store did not have it at the last look, and whether at any. */
  #missing = true;
  #missed = false;
  /** Whether the database is asked. */
  #asking = false;
  #runsSince: number | undefined;

  constructor(house: House, connection: Connection, target: Target, options: ResolvedDelivery) {
    this.#house = house;
    this.#connection = connection;
    this.#target = target;
    this.#options = options;
    this.#cameAt = house.crowd.clock.now();
    this.#latch.defer(connection.latch.defer(() => this.#latch.close()));
  }

  /** Register first, then look; a stream that is here and serves the client needs no looking. */
  begin(): void {
    const { crowd, waiters, snapshots } = this.#house;
    const { id, kind = "stream", find } = this.#target;
    const stream = find();
    const isKnown = stream !== undefined && !this.#isDoubtful(stream) && !this.#isBehind(stream);
    const look = isKnown ? undefined : this.#house.look;
    if (look === undefined && stream !== undefined && (snapshots === undefined || this.#isServedBy(stream))) {
      return this.#followLog(stream);
    }
    this.#connection.follow(this);
    this.#latch.defer(waiters.wait(id, (opened) => this.#found(opened)));
    if (snapshots === undefined && look === undefined) return this.#goOn();
    this.#latch.defer(crowd.clock.after(STATUS_WAITS, () => this.#wait()));
    if (look === undefined) this.#ask();
    else this.#latch.defer(look(id, kind, (looked) => this.#hear(looked)));
  }

  /** A stream that has ended here may be in another life elsewhere, except for its own clients. */
  #isDoubtful(stream: Stream): boolean {
    if (this.#house.look === undefined || stream.end === undefined) return false;
    const { cursor } = this.#target;
    return cursor === undefined || parseId(cursor)?.epoch !== stream.log.epoch;
  }

  /** A client may know more of a stream that lives elsewhere than has come here yet: hints get lost, stores are slow. */
  #isBehind(stream: Stream): boolean {
    if (stream.end !== undefined || !this.#house.isReplica(stream)) return false;
    const { reset } = positionIn(stream, this.#target.cursor, this.#options.from);
    return reset?.reason === "ahead" || reset?.reason === "epoch";
  }

  /** What the store says; a stream that is here beats it, and one that serves the client beats any snapshot. */
  #hear(looked: Looked): void {
    if (this.#latch.closed) return;
    const { find, id } = this.#target;
    const held = find();
    const stream = looked.state === "here" ? looked.stream : held;
    this.#missing = looked.state === "missing";
    if (looked.state !== "unknown") this.#storeAway = false;
    const isUnclear = looked.state === "unknown" && held !== undefined && this.#isBehind(held);
    if (stream !== undefined && !isUnclear) return this.#here(stream);
    if (looked.state === "unknown") {
      if (this.#storeAway) return;
      this.#storeAway = true;
      return this.#tell(looked.error);
    }
    if (looked.state === "full") {
      this.#house.crowd.report("failed", { id, stage: "store", error: looked.error });
      return this.#connection.turnAway("busy");
    }
    this.#missed = true;
    this.#ask();
  }

  #here(stream: Stream): void {
    // It was opened while the client waited.
    if (this.#missed) this.#found(stream);
    else if (this.#house.snapshots === undefined || this.#isServedBy(stream)) this.#followLog(stream);
    else this.#ask();
  }

  /** The database is asked, once. */
  #ask(): void {
    const { snapshots } = this.#house;
    if (snapshots === undefined) return this.#goOn();
    if (this.#asking) return;
    this.#asking = true;
    this.#latch.defer(snapshots.join(this.#target.id, (answer) => this.#decide(answer)));
  }

  /** Says what is to be said to a client that waits. */
  pump(): void {
    while (this.#connection.ready) {
      const frame = this.#unsaid.shift();
      if (frame !== undefined) this.#connection.write(frame);
      else if (this.#gone === undefined) return;
      else this.#connection.end("ended", this.#gone.frame, { status: "failed", error: this.#gone.error });
    }
  }

  /** The stream was opened: it is read from its first event, whatever `from` says. */
  #found(stream: Stream): void {
    this.#follow(stream, openFromLog(stream, this.#client("start")));
    this.#house.changed(stream);
  }

  /** After an await: latch first, then the registry. A stream that serves the client beats any snapshot. */
  #decide(answer: Answer): void {
    if (this.#latch.closed) return;
    const stream = this.#target.find();
    if (stream !== undefined && this.#isServedBy(stream)) return this.#followLog(stream);
    if (answer.state !== "unknown") this.#outage = false;
    if (answer.state === "finished") return this.#followLog(answer.stream, "start");
    if (stream !== undefined) {
      const prelude = answer.state === "running" ? answer.prelude : undefined;
      if (prelude === undefined || !continues(stream, prelude)) return this.#followLog(stream);
      return this.#followBehind(stream, prelude);
    }
    if (answer.state === "unknown") return this.#tell(answer.error);
    if (answer.state === "gone") return this.#missing ? this.#sayGone() : this.#wait();
    if (answer.state === "running") this.#runsSince ??= this.#house.crowd.clock.now();
    this.#goOn();
  }

  #isServedBy(stream: Stream): boolean {
    return positionIn(stream, this.#target.cursor, this.#options.from).reset === undefined;
  }

  #followBehind(stream: Stream, prelude: Prelude): void {
    this.#follow(stream, openBehind(stream, this.#client(this.#options.from), prelude));
    this.#connection.pump();
  }

  #followLog(stream: Stream, from: From = this.#options.from): void {
    this.#follow(stream, openFromLog(stream, this.#client(from)));
    this.#connection.pump();
  }

  /** Look-up and registration are one synchronous step: from here on the reader holds the stream itself. */
  #follow(stream: Stream, opening: Opening): void {
    this.#latch.close();
    const connection = this.#connection;
    connection.begin();
    const reader = new Reader(stream, connection, opening, this.#house.crowd.report);
    connection.follow(reader);
    stream.attach(reader);
    connection.latch.defer(() => reader.leave());
  }

  /** Nothing is here: a source is started, which resolves this search with all others, or the client waits. */
  #goOn(): void {
    const { startSource, crowd } = this.#house;
    const { id } = this.#target;
    if (startSource === undefined) return this.#wait();
    try {
      startSource(id);
    } catch (error) {
      crowd.report("failed", { id, stage: "source", error });
      this.#connection.turnAway("busy");
    }
  }

  #wait(): void {
    const { waiting, maxWaiting } = this.#house;
    const connection = this.#connection;
    if (!connection.begun) {
      if (this.#target.counted) {
        if (waiting.size >= maxWaiting) return connection.turnAway("busy");
        waiting.add(this);
        this.#latch.defer(() => waiting.delete(this));
      }
      const { heartbeat, control } = this.#options;
      const data = { state: "waiting", first: null, last: null, heartbeat } as const;
      this.#unsaid.push(openFrame(data, undefined, connection.retry(), control));
      connection.begin();
      connection.pump();
    }
    const until = this.#cameAt + this.#options.wait;
    connection.waitUntil(Math.max(until, (this.#runsSince ?? -Infinity) + RUNNING_WAITS));
  }

  /** Tells of a failing look-up once, until it has recovered. */
  #tell(error: HoldfastError): void {
    this.#wait();
    if (this.#outage || this.#connection.latch.closed) return;
    this.#outage = true;
    this.#unsaid.push(errorFrame(error, this.#options.control));
    this.#connection.pump();
  }

  #sayGone(): void {
    this.#latch.close();
    if (!this.#connection.begun) return this.#connection.refuse(404);
    const { random } = this.#house.crowd;
    const error = new HoldfastError("GONE", "There is no such stream.");
    const frame = endFrame("failed", makeTerminalId(makeEpoch(random), 0), error, this.#options.control);
    this.#gone = { frame, error };
    this.#connection.pump();
  }

  #client(from: From): Listener {
    const { heartbeat, control } = this.#options;
    return { cursor: this.#target.cursor, from, heartbeat, control, retry: this.#connection.retry() };
  }
}
