import type { Runtime } from "../protocol/runtime.ts";
import { closedError, HoldfastError } from "../base/errors.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import { Retention } from "./retention.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { Stream, type StreamHooks, type StreamKind } from "./stream.ts";

/** So many nudges in a row go before what else the runtime has to do, so that streams that feed each other let it. */
const AHEAD = 1_000;

export interface StreamTableOptions {
  readonly runtime: Runtime;
  readonly bytes: number;
  readonly maxStreams: number;
}

/** How a stream is held that machines share. */
export interface StoredLife {
  readonly epoch: string;
  /** Told instead of the table, and passes on what the table must know. */
  readonly keeper: StreamHooks;
  /** Whether its producer is somewhere else: it is held for its readers alone. */
  readonly replica: boolean;
  /** The table holds it no more. */
  readonly forgotten?: () => void;
}

/**
 * The streams of a registry by id, each for its retention, all together bounded in number and bytes. A stream is
 * forgotten by identity: a timer of the old one never touches a new one under the same id.
 */
export class StreamTable implements StreamHooks {
  readonly #options: StreamTableOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #retentions = new Map<Stream, Retention>();
  readonly #shared = new Map<Stream, StoredLife>();
  /** Ended streams, the oldest first: they give way when room is needed. */
  readonly #lingering = new Set<Stream>();
  /** Each once. */
  #changed: Stream[] = [];
  #ahead = AHEAD;
  #bytes = 0;

  constructor(options: StreamTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  get lingering(): number {
    return this.#lingering.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Stream | undefined {
    return this.#streams.get(id);
  }

  /**
   * Puts a new stream in the place of what ended under its id.
   *
   * @param sourced whether it runs for its readers alone
   * @param shared for one that machines share
   * @throws `STREAM_EXISTS`, `LIMIT_EXCEEDED`
   */
  add(id: string, kind: StreamKind, options: ResolvedStream, sourced = false, shared?: StoredLife): Stream {
    const { clock, random, report } = this.#options.runtime;
    const old = this.#streams.get(id);
    if (old !== undefined) {
      if (old.end === undefined) throw existsError(old);
      this.forget(old);
    }
    this.#makeRoom(1);
    if (this.#streams.size >= this.#options.maxStreams || this.#bytes > this.#options.bytes) {
      throw new HoldfastError("LIMIT_EXCEEDED", "The registry is full.", { retryable: true });
    }
    const { buffer, maxEventBytes } = options;
    const epoch = shared?.epoch ?? makeEpoch(random);
    const stream = new Stream(id, kind, epoch, { ...buffer, maxEventBytes }, shared?.keeper ?? this);
    stream.activeAt = clock.now();
    const replica = shared?.replica === true;
    const life = { ...options, sourced: sourced || replica, replica };
    this.#streams.set(id, stream);
    this.#retentions.set(stream, new Retention(clock, stream, life, () => this.forget(stream)));
    if (shared !== undefined) this.#shared.set(stream, shared);
    if (!replica) report("streamOpened", { id, epoch });
    return stream;
  }

  /** Ends whatever is live, as `cancelled`, and forgets everything. */
  clear(): void {
    for (const stream of this.#streams.values()) {
      if (this.#shared.get(stream)?.replica !== true) stream.take("cancelled", closedError());
      this.forget(stream);
    }
  }

  /** One wake for a whole turn: a burst of pushes goes out in one write. */
  changed(stream: Stream): void {
    if (stream.toNudge) return;
    stream.toNudge = true;
    if (this.#changed.push(stream) === 1) this.#scheduleWake();
  }

  resized(_stream: Stream, bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#options.bytes) this.#makeRoom(0);
  }

  ended(stream: Stream): void {
    const { id, log, end } = stream;
    if (end === undefined) return;
    this.retire(stream);
    this.#options.runtime.report("streamEnded", {
      id,
      epoch: log.epoch,
      status: end.status,
      events: log.last,
    });
    if (end.error !== undefined) {
      this.#options.runtime.report("failed", { id, stage: "source", error: end.error.cause ?? end.error });
    }
  }

  /** A stream that has ended stays for a while, if it is held. */
  retire(stream: Stream): void {
    const retention = this.#retentions.get(stream);
    if (retention === undefined) return;
    this.#lingering.add(stream);
    retention.linger();
  }

  attended(stream: Stream): void {
    stream.activeAt = this.#options.runtime.clock.now();
    this.#retentions.get(stream)?.attended();
  }

  /** Holds a stream no more, whoever still reads it. Idempotent. */
  forget(stream: Stream): void {
    const retention = this.#retentions.get(stream);
    if (retention === undefined) return;
    retention.stop();
    this.#retentions.delete(stream);
    this.#lingering.delete(stream);
    this.#streams.delete(stream.id);
    this.#bytes -= stream.log.bytes;
    const shared = this.#shared.get(stream);
    this.#shared.delete(stream);
    shared?.forgotten?.();
  }

  #scheduleWake(): void {
    const { clock } = this.#options.runtime;
    if (clock.next === undefined || this.#ahead === 0) {
      this.#ahead = AHEAD;
      clock.soon(this.#wake);
    } else {
      this.#ahead--;
      clock.next(this.#wake);
    }
  }

  readonly #wake = (): void => {
    const changed = this.#changed;
    this.#changed = [];
    const now = this.#options.runtime.clock.now();
    for (const stream of changed) {
      stream.toNudge = false;
      stream.activeAt = now;
      this.#tellPushed(stream);
      for (const reader of stream.readers) reader.wake();
    }
  };

  #tellPushed(stream: Stream): void {
    const events = stream.log.last - stream.told;
    if (events === 0) return;
    stream.told = stream.log.last;
    this.#options.runtime.report("pushed", { id: stream.id, events });
  }

  #makeRoom(streams: number): void {
    const { bytes, maxStreams } = this.#options;
    for (const stream of this.#lingering) {
      if (this.#bytes <= bytes && this.#streams.size + streams <= maxStreams) return;
      this.forget(stream);
    }
  }
}

export function existsError({ id, kind }: Pick<Stream, "id" | "kind">): HoldfastError {
  return new HoldfastError("STREAM_EXISTS", `A ${kind} ${JSON.stringify(id)} exists already.`);
}
