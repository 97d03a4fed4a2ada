import { closedError, errorToReport, existsError, fullError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { ByteLimit } from "./byte-limit.ts";
import { createStream, type LatestBy } from "./latest-stream.ts";
import { Notifier } from "./notifier.ts";
import { Outboxes } from "./outboxes.ts";
import { Retention } from "./retention.ts";
import type { StoreBacking } from "./store-backing.ts";
import type { Stream, StreamHooks, StreamKind } from "./stream.ts";

/** At most this part of `maxStreams` is for streams that a source on demand has started. */
const SOURCED_SHARE = 0.1;

export interface StreamTableOptions {
  readonly runtime: Runtime;
  /** The bytes of all logs, and of what waits for a store, at most. */
  readonly bytes: number;
  readonly maxStreams: number;
  /** Channels hold the newest event of each of these keys. */
  readonly latestBy?: LatestBy | undefined;
  /** Called when a stream is interrupted, has a producer again, or is no longer held, and when its readers change. */
  readonly onInterruption: (stream: Stream) => void;
  /** Called when the last live stream is over whose producer is in this process. */
  readonly onNoneProducedHere: () => void;
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
  /** Channels that this process pushes to, through a store. */
  readonly outboxes: Outboxes = new Outboxes();
  readonly #options: StreamTableOptions;
  readonly #notifier: Notifier;
  readonly #streams = new Map<string, Stream>();
  readonly #entries = new Map<Stream, Entry>();
  /** Ended streams, oldest first: they give way when room is needed; after them interrupted ones without readers. */
  readonly #lingering = new Set<Stream>();
  readonly #interrupted = new Set<Stream>();
  /** Channels of this process without readers, those that have had none for the longest time first. */
  readonly #unreadChannels = new Set<Stream>();
  /** The streams that a source on demand has started. */
  readonly #sourced = new Set<Stream>();
  /** Live streams that an application has opened in this process. */
  readonly #producedHere = new Set<Stream>();
  readonly #bytes: ByteLimit;

  constructor(options: StreamTableOptions) {
    const { runtime, bytes } = options;
    this.#options = options;
    this.#notifier = new Notifier(runtime);
    const lastStored = (stream: Stream): number =>
      this.#entries.get(stream)?.backing?.stored() ?? stream.log.last;
    this.#bytes = new ByteLimit({ runtime, limit: bytes, lastStored });
  }

  /** Streams and channels, also those that are only pushed to here. */
  get size(): number {
    return this.#streams.size + this.outboxes.unread;
  }

  get lingering(): number {
    return this.#lingering.size;
  }

  get bytes(): number {
    return this.#bytes.bytes;
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

  /** How many more ids may get a stream of a source. Whoever asks for an id starts one: that must cost nobody else a stream. */
  get roomForSources(): number {
    const { maxStreams } = this.#options;
    return Math.min(
      maxStreams - this.#streams.size,
      Math.ceil(maxStreams * SOURCED_SHARE) - this.#sourced.size,
    );
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
    const { runtime, latestBy } = this.#options;
    const { clock, random, report } = runtime;
    const held = this.#streams.get(id);
    if (held !== undefined) {
      if (held.end === undefined) throw existsError(held);
      this.forget(held);
    }
    if (!sourced) this.#makeRoom(1);
    if (this.#streams.size >= this.#options.maxStreams || this.#bytes.isOver) throw fullError();
    const { buffer, maxEventBytes, linger, idle } = options;
    const epoch = backing?.epoch ?? makeEpoch(random);
    const isReplica = backing?.isReplica === true;
    const hooks = backing?.hooks ?? this;
    const limits = { ...buffer, maxEventBytes };
    const stream = createStream(id, kind, epoch, limits, { hooks, latestBy, runtime });
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
    if (kind === "channel" && !isReplica) this.#unreadChannels.add(stream);
    if (sourced) this.#sourced.add(stream);
    this.outboxes.setRead(id, true);
    this.limitOutboxes();
    if (!isReplica) report("streamOpened", { id, epoch });
    return stream;
  }

  /** An application continues a stream of this process, which may have been that of a source. */
  adopt(stream: Stream): void {
    this.#entries.get(stream)?.retention.keepWithoutReaders();
    this.#producedHere.add(stream);
    this.#sourced.delete(stream);
  }

  /** Closes empty outboxes over the limit. Others are limited by their bytes alone: no reader may miss what waits in them. */
  limitOutboxes(): void {
    this.outboxes.closeEmpty(this.size - this.#options.maxStreams);
  }

  /** Counts bytes outside the logs. Returns false, and counts nothing, if there is no room for them. */
  reserve(bytes: number): boolean {
    this.#bytes.add(bytes);
    if (this.#bytes.isOver) this.#freeBytes();
    if (!this.#bytes.isOver) return true;
    this.release(bytes);
    return false;
  }

  /** The opposite of {@link reserve}. */
  release(bytes: number): void {
    this.#bytes.add(-bytes);
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
    this.#bytes.resize(stream, stream.log.bytes - bytes, stream.log.bytes);
    if (this.#bytes.isOver) this.#freeBytes(stream);
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
    const entry = this.#entries.get(stream);
    entry?.retention.readersChanged();
    if (entry !== undefined && stream.kind === "channel" && entry.backing === undefined) {
      if (stream.readers.size > 0) this.#unreadChannels.delete(stream);
      else this.#unreadChannels.add(stream);
    }
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
    this.#unreadChannels.delete(stream);
    this.#sourced.delete(stream);
    this.#dropInterruption(stream);
    this.#endProduction(stream);
    this.#streams.delete(stream.id);
    this.outboxes.setRead(stream.id, false);
    this.#bytes.resize(stream, stream.log.bytes, 0);
    entry.backing?.onForgotten();
  }

  #freeBytes(grown?: Stream): void {
    this.#makeRoom(0);
    this.#bytes.trim(grown);
  }

  #makeRoom(streams: number): void {
    const { maxStreams } = this.#options;
    const hasPlace = (): boolean => this.#streams.size + streams <= maxStreams;
    const hasRoom = (): boolean => !this.#bytes.isOver && hasPlace();
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
    // Bytes are gained by trimming the largest logs.
    for (const channel of this.#unreadChannels) {
      if (hasPlace()) return;
      this.forget(channel);
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
