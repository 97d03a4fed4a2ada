import { closedError, errorToReport, HoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { Notifier } from "./notifier.ts";
import { Retention } from "./retention.ts";
import { SizeClasses } from "./size-classes.ts";
import { Stream, type StreamHooks, type StreamKind } from "./stream.ts";

/** At most this part of `maxStreams` is for streams that a source on demand has started. */
const SOURCED_SHARE = 0.1;

export interface StreamTableOptions {
  readonly runtime: Runtime;
  /** The bytes of all logs together, at most. */
  readonly bytes: number;
  readonly maxStreams: number;
  /** Called when a stream is interrupted, has a producer again, or is no longer held, and when its readers change. */
  readonly onInterruption: (stream: Stream) => void;
  /** Called when the last live stream is over whose producer is in this process. */
  readonly onNoneProducedHere: () => void;
}

/** How a stream is held whose log is shared through a store. */
export interface StoreBacking {
  readonly epoch: string;
  /** Called instead of the table's hooks, and calls those of them that the table needs. */
  readonly hooks: StreamHooks;
  /** Whether the producer is in another process: the stream is held for its readers only. */
  readonly isReplica: boolean;
  /** The number of the last frame that the store has. */
  readonly stored: () => number;
  /** The table no longer holds the stream. */
  readonly onForgotten: () => void;
}

interface Entry {
  readonly retention: Retention;
  readonly backing: StoreBacking | undefined;
}

/**
 * The streams of a registry by id, each for its retention time, all together bounded in number and bytes. A stream is
 * forgotten by identity: the timer of an old stream never touches a new one under the same id.
 */
export class StreamTable implements StreamHooks {
  readonly #options: StreamTableOptions;
  readonly #notifier: Notifier;
  readonly #streams = new Map<string, Stream>();
  readonly #entries = new Map<Stream, Entry>();
  /** Ended streams, oldest first: they give way when room is needed; after them interrupted ones without readers. */
  readonly #lingering = new Set<Stream>();
  readonly #interrupted = new Set<Stream>();
  /** Channels of this process, oldest first: those without readers give way last. */
  readonly #channels = new Set<Stream>();
  /** The streams that a source on demand has started. */
  readonly #sourced = new Set<Stream>();
  /** Live streams that an application has opened in this process. */
  readonly #producedHere = new Set<Stream>();
  readonly #sizes = new SizeClasses();
  #bytes = 0;
  /** Whether the observer was told that logs are trimmed. */
  #isTrimmed = false;

  constructor(options: StreamTableOptions) {
    this.#options = options;
    this.#notifier = new Notifier(options.runtime);
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

  get producedHere(): number {
    return this.#producedHere.size;
  }

  /** Whether an application has opened the stream in this process, and it is live. */
  isProducedHere(id: string): boolean {
    const stream = this.#streams.get(id);
    return stream !== undefined && this.#producedHere.has(stream);
  }

  /** The stream of that id, unless it has ended. */
  getLive(id: string): Stream | undefined {
    const stream = this.#streams.get(id);
    return stream?.end === undefined ? stream : undefined;
  }

  has(stream: Stream): boolean {
    return this.#entries.has(stream);
  }

  isReplica(stream: Stream): boolean {
    return this.#entries.get(stream)?.backing?.isReplica === true;
  }

  /**
   * Adds a new stream; an ended one under the same id is forgotten.
   *
   * @param sourced whether it runs only while it has readers
   * @throws `STREAM_EXISTS`, `LIMIT_EXCEEDED`
   */
  add(
    id: string,
    kind: StreamKind,
    options: ResolvedStream,
    { sourced = false, backing }: { readonly sourced?: boolean; readonly backing?: StoreBacking } = {},
  ): Stream {
    const { clock, random, report } = this.#options.runtime;
    const held = this.#streams.get(id);
    if (held !== undefined) {
      if (held.end === undefined) throw existsError(held);
      this.forget(held);
    }
    // Whoever asks for an id starts a source: that must not cost anybody else a stream.
    if (!sourced) this.#makeRoom(1);
    const { bytes, maxStreams } = this.#options;
    const hasRoom = !sourced || this.#sourced.size < Math.ceil(maxStreams * SOURCED_SHARE);
    if (!hasRoom || this.#streams.size >= maxStreams || this.#bytes > bytes) throw fullError();
    const { buffer, maxEventBytes, linger, idle } = options;
    const epoch = backing?.epoch ?? makeEpoch(random);
    const isReplica = backing?.isReplica === true;
    const hooks = backing?.hooks ?? this;
    const stream = new Stream(id, kind, epoch, { ...buffer, maxEventBytes }, hooks);
    stream.markActive(clock.now());
    const needsReaders = sourced || isReplica;
    const retention = new Retention(clock, stream, {
      linger,
      idle,
      needsReaders,
      isReplica,
      forget: () => this.forget(stream),
    });
    this.#streams.set(id, stream);
    this.#entries.set(stream, { retention, backing });
    if (kind === "stream" && !needsReaders) this.#producedHere.add(stream);
    if (kind === "channel" && !isReplica) this.#channels.add(stream);
    if (sourced) this.#sourced.add(stream);
    if (!isReplica) report("streamOpened", { id, epoch });
    return stream;
  }

  /** An application continues a stream of this process, which may have been that of a source. */
  adopt(stream: Stream): void {
    this.#entries.get(stream)?.retention.keepWithoutReaders();
    this.#producedHere.add(stream);
  }

  /** Ends every live stream as `cancelled`, or interrupts it, and forgets all of them. */
  clear(): void {
    for (const stream of this.#streams.values()) {
      if (!this.isReplica(stream)) stream.stop(closedError());
      this.forget(stream);
    }
  }

  changed(stream: Stream): void {
    this.#notifier.notify(stream);
  }

  resized(stream: Stream, bytes: number): void {
    this.#sizes.resize(stream, stream.log.bytes - bytes, stream.log.bytes);
    this.#bytes += bytes;
    if (this.#bytes <= this.#options.bytes) return;
    this.#makeRoom(0);
    if (this.#bytes > this.#options.bytes) this.#trimLogs(stream);
  }

  ended(stream: Stream): void {
    const { id, log, end } = stream;
    if (end === undefined) return;
    this.#dropInterruption(stream);
    this.#endProduction(stream);
    this.startLinger(stream);
    const { report } = this.#options.runtime;
    report("streamEnded", { id, epoch: log.epoch, status: end.status, events: log.last });
    if (end.error !== undefined) {
      report("failed", { id, stage: "source", error: errorToReport(end.error) });
    }
  }

  interruptionChanged(stream: Stream): void {
    if (stream.interruption !== undefined) {
      this.#interrupted.add(stream);
      this.#endProduction(stream);
    } else {
      this.#interrupted.delete(stream);
      if (this.#entries.get(stream)?.retention.needsReaders === false) this.#producedHere.add(stream);
    }
    this.#options.onInterruption(stream);
  }

  readersChanged(stream: Stream): void {
    stream.markActive(this.#options.runtime.clock.now());
    this.#entries.get(stream)?.retention.readersChanged();
    if (stream.interruption !== undefined) this.#options.onInterruption(stream);
  }

  /** From now on an ended stream is held for `linger` ms. Does nothing if it is no longer held. */
  startLinger(stream: Stream): void {
    const entry = this.#entries.get(stream);
    if (entry === undefined) return;
    this.#lingering.add(stream);
    entry.retention.startLinger();
  }

  /** Stops holding a stream, even if it has readers. Idempotent. */
  forget(stream: Stream): void {
    const entry = this.#entries.get(stream);
    if (entry === undefined) return;
    entry.retention.stop();
    this.#entries.delete(stream);
    this.#lingering.delete(stream);
    this.#channels.delete(stream);
    this.#sourced.delete(stream);
    this.#dropInterruption(stream);
    this.#endProduction(stream);
    this.#streams.delete(stream.id);
    this.#bytes -= stream.log.bytes;
    this.#sizes.resize(stream, stream.log.bytes, 0);
    entry.backing?.onForgotten();
  }

  #makeRoom(streams: number): void {
    const { bytes, maxStreams } = this.#options;
    const hasRoom = (): boolean => this.#bytes <= bytes && this.#streams.size + streams <= maxStreams;
    for (const stream of this.#lingering) {
      if (hasRoom()) return;
      this.forget(stream);
    }
    for (const stream of this.#interrupted) {
      if (hasRoom()) return;
      if (stream.readers.size > 0) continue;
      if (!this.isReplica(stream)) stream.finish("lost");
      this.forget(stream);
    }
    for (const channel of this.#channels) {
      if (hasRoom()) return;
      if (channel.readers.size === 0) this.forget(channel);
    }
  }

  /**
   * Drops the oldest events of the largest logs, except those that a store does not have yet, and the newest one of the
   * stream that has grown.
   */
  #trimLogs(grown: Stream): void {
    const { bytes, runtime } = this.#options;
    for (const stream of this.#sizes.largestFirst()) {
      const excess = this.#bytes - bytes;
      if (excess <= 0) return;
      const { log, id } = stream;
      const before = log.bytes;
      const stored = this.#entries.get(stream)?.backing?.stored() ?? log.last;
      log.trim(excess, Math.min(stored, stream === grown ? log.last - 1 : log.last));
      this.#bytes -= before - log.bytes;
      this.#sizes.resize(stream, before, log.bytes);
      if (this.#isTrimmed || log.bytes === before) continue;
      this.#isTrimmed = true;
      const message =
        "The registry has reached its limit of `bytes`: the largest streams lose their oldest events.";
      runtime.report("warned", { id, message });
    }
  }

  #endProduction(stream: Stream): void {
    if (this.#producedHere.delete(stream) && this.#producedHere.size === 0)
      this.#options.onNoneProducedHere();
  }

  #dropInterruption(stream: Stream): void {
    if (this.#interrupted.delete(stream)) this.#options.onInterruption(stream);
  }
}

function fullError(): HoldfastError {
  return new HoldfastError("LIMIT_EXCEEDED", "The registry is full.", { retryable: true });
}

export function existsError({ id, kind }: Pick<Stream, "id" | "kind">): HoldfastError {
  return new HoldfastError("STREAM_EXISTS", `A ${kind} ${JSON.stringify(id)} exists already.`);
}
