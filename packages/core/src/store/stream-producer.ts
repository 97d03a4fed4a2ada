import { backoff } from "../base/backoff.ts";
import { HoldfastError, toPublicError } from "../base/errors.ts";
import { CALL_TIMEOUT, LEASE, type StoreClient } from "./store-client.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { StoreAppended, StoredEnd, StoreMeta } from "./store.ts";
import type { HighWatermark, Stream } from "../stream/stream.ts";

/** An append goes out in the next turn, or so long after the last one, in ms, or as soon as there are so many events. */
const BATCH = { after: 5, events: 64 };
/** How much one append carries at most. */
const MOST = { frames: 1_024, bytes: 262_144 };
/** A lease is renewed after so many ms without an append. */
const RENEWAL = 5_000;
/** How long a producer that was fenced off waits before it asks again what has become of its stream, in ms. */
const VERDICT_AFTER = 1_000;

export interface StreamProducerOptions {
  readonly client: StoreClient;
  readonly stream: Stream;
  readonly fence: number;
  /** How long everything is kept without an append, in ms. */
  readonly ttlMs: number;
  readonly keep: number;
  /** How long the end is tried for, in ms. */
  readonly patience: number;
  /** The store has lost everything before frame `first`. */
  readonly onRestored: (first: number) => void;
  /** The store has more, or all that it will get. */
  readonly onStored: () => void;
}

/**
 * The way of a stream from its producer to the store: what the log holds behind `stored` goes out in batches, one at
 * a time. The lease is kept while the stream is live; a store that lost something gets it again from the log.
 */
export class StreamProducer implements HighWatermark {
  /** Resolves when the store has the end, or somebody else's, or when it was given up. */
  readonly settled: Promise<void>;
  readonly #options: StreamProducerOptions;
  readonly #delay = backoff({ base: 100, cap: 2_000 });
  #settle: () => void = () => undefined;
  #fence: number;
  #stored = 0;
  /** When the lease began that the store has granted. */
  #renewedAt: number;
  #busy = false;
  #over = false;
  #attempt = 0;
  #giveUpAt = Infinity;
  #due = Infinity;
  #sentAt = -Infinity;
  #disarm: () => void = () => undefined;
  /** Those who wait for room in the log. */
  #waiting: (() => void)[] = [];

  constructor(options: StreamProducerOptions) {
    this.#options = options;
    this.#fence = options.fence;
    // The call that opened it took no longer.
    this.#renewedAt = options.client.clock.now() - CALL_TIMEOUT;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#arm(RENEWAL);
  }

  /** The last frame that the store has. */
  get last(): number {
    return this.#stored;
  }

  get ended(): boolean {
    return this.#over;
  }

  /** Whether one frame more could push one off the log that the store does not have. */
  get full(): boolean {
    return !this.#over && !this.#options.stream.log.hasRoom(this.#stored + 1);
  }

  /** Resolves when there is room again, or no need of it. */
  room(): Promise<void> {
    if (!this.full || this.#options.stream.end !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Something was pushed, or the stream has ended. */
  changed(): void {
    const { stream, client, patience } = this.#options;
    if (this.#over) return;
    if (stream.end !== undefined) {
      if (this.#giveUpAt === Infinity) this.#giveUpAt = client.clock.now() + patience;
      this.#wakeWaiting();
    }
    // While the store is away it is asked in its time.
    if (this.#busy || this.#attempt > 0) return;
    if (stream.end !== undefined || stream.log.last - this.#stored >= BATCH.events) void this.#send();
    else this.#arm(this.#sentAt + BATCH.after - client.clock.now());
  }

  /** Somebody may want something of the producer, or the store is back. */
  hurry(): void {
    if (!this.#busy) void this.#send();
  }

  /** Gives up what is not stored, and tells of it. */
  giveUp(): void {
    const { stream, client } = this.#options;
    if (this.#over) return;
    const message = "The end of the stream could not be stored.";
    const error = new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true });
    client.report("failed", { id: stream.id, stage: "store", error });
    this.#finishStored();
  }

  /** Takes the stream out of the store, so that whoever wants it can start it anew. */
  withdraw(): void {
    const { client, stream } = this.#options;
    this.#over = true;
    this.#disarm();
    // Where that fails, the lease runs out.
    void client
      .delete(stream.id)
      .catch(() => undefined)
      .finally(() => this.#stop());
  }

  #stop(): void {
    this.#over = true;
    this.#disarm();
    this.#wakeWaiting();
    this.#settle();
  }

  async #send(): Promise<void> {
    if (this.#over) return;
    this.#disarm();
    this.#due = Infinity;
    this.#busy = true;
    const { client, stream, ttlMs } = this.#options;
    const sentAt = client.clock.now();
    this.#sentAt = sentAt;
    const { id, log } = stream;
    const frames = this.#batch();
    const end = this.#stored + frames.length === log.last ? stream.end : undefined;
    try {
      const answer = await client.append(id, {
        epoch: log.epoch,
        fence: this.#fence,
        from: this.#stored + 1,
        frames,
        leaseMs: LEASE,
        ttlMs,
        ...(end !== undefined && { end: toStoredEnd(end) }),
      });
      if (!this.#over) {
        if (answer.code === "ok") this.#renewedAt = sentAt;
        await this.#hear(answer, frames.length, end !== undefined);
      }
    } catch {
      // The client tells of it.
      this.#attempt++;
    }
    this.#busy = false;
    if (!this.#over) this.#goOn();
  }

  /** What goes out next; at least one frame if there is one, however large. */
  #batch(): Uint8Array[] {
    const { log } = this.#options.stream;
    const frames: Uint8Array[] = [];
    let bytes = 0;
    for (let number = this.#stored + 1; number <= log.last && frames.length < MOST.frames; number++) {
      const frame = log.frame(number);
      bytes += frame.length;
      if (frames.length > 0 && bytes > MOST.bytes) break;
      frames.push(frame);
    }
    return frames;
  }

  #goOn(): void {
    const { client, stream } = this.#options;
    if (client.clock.now() >= this.#giveUpAt && !this.#isAwaited) return this.giveUp();
    if (this.#attempt > 0) this.#arm(this.#delay(this.#attempt - 1, client.random()));
    else if (stream.end !== undefined || stream.log.last > this.#stored) void this.#send();
    else this.#arm(RENEWAL);
  }

  /** Whether readers wait here for what only the store can give free. */
  get #isAwaited(): boolean {
    const { highWatermark, readers } = this.#options.stream;
    return highWatermark !== undefined && readers.size > 0;
  }

  async #hear(answer: StoreAppended, sent: number, withEnd: boolean): Promise<void> {
    const { stream } = this.#options;
    switch (answer.code) {
      case "ok": {
        const stored = Math.min(answer.last, stream.log.last);
        // A store that takes nothing is asked in its time.
        this.#attempt = sent > 0 && stored <= this.#stored ? this.#attempt + 1 : 0;
        this.#stored = stored;
        if (withEnd) return this.#finish();
        this.#options.onStored();
        this.#wakeWaiting();
        if (answer.cancel !== undefined) stream.take("cancelled", answer.cancel || undefined);
        return;
      }
      case "gap":
        this.#attempt++;
        if (answer.expected < stream.log.first) return this.#restore();
        this.#stored = answer.expected - 1;
        return;
      case "missing":
        this.#attempt++;
        return this.#restore();
      case "closed":
        return this.#catchUp(answer.end);
      case "fenced":
        return this.#askWhy();
    }
  }

  /** The store has lost the stream, or more of it than the log can give: it gets what the log holds. */
  async #restore(): Promise<void> {
    const { client, stream, ttlMs, keep } = this.#options;
    const { id, log } = stream;
    // From now on nothing of it may leave the log.
    this.#stored = log.first - 1;
    const opened = await client.open(id, {
      kind: "stream",
      epoch: log.epoch,
      leaseMs: LEASE,
      ttlMs,
      keep,
      restoreFence: this.#fence,
      restoreLast: this.#stored,
    });
    if (this.#over) return;
    if (opened.role === "reader") return this.#judge(opened.meta);
    this.#fence = opened.fence;
    this.#options.onRestored(this.#stored + 1);
  }

  /** Somebody else has ended it. What went out before, and was not answered, may be part of it. */
  async #catchUp(end: StoredEnd): Promise<void> {
    const { client, stream } = this.#options;
    const page = await client.read(stream.id, null, { frames: 1, bytes: 1 });
    if (this.#over) return;
    if (page.code !== "missing") this.#know(page.meta);
    this.#lose(end);
  }

  /** What of the log is stored. */
  #know({ epoch, last }: StoreMeta): void {
    const { log } = this.#options.stream;
    if (epoch === log.epoch) this.#stored = Math.min(last, log.last);
  }

  async #askWhy(): Promise<void> {
    const { client, stream } = this.#options;
    const page = await client.read(stream.id, null, { frames: 1, bytes: 1 });
    if (this.#over) return;
    if (page.code === "missing") this.#attempt++;
    else await this.#judge(page.meta);
  }

  /** Somebody else has the stream now: it ends here as it ends there. */
  async #judge(meta: StoreMeta): Promise<void> {
    const { client, stream } = this.#options;
    const { id, log } = stream;
    if (meta.epoch !== log.epoch) {
      // While the lease held nobody else could end it: the end is stored, and only the answer was lost.
      if (stream.end !== undefined && client.clock.now() < this.#renewedAt + LEASE)
        return this.#finishStored();
      return this.#lose({ status: "lost" });
    }
    if (meta.end !== undefined) {
      this.#know(meta);
      return this.#lose(meta.end);
    }
    if (meta.leaseLeftMs <= 0) await client.lost(id, meta.fence, { status: "lost" });
    await new Promise<void>((resolve) => client.clock.after(VERDICT_AFTER, resolve));
  }

  #lose({ status }: StoredEnd): void {
    const { stream, client } = this.#options;
    const cause = new HoldfastError("STORE_UNAVAILABLE", `The store has the stream as ${status}.`, {
      retryable: true,
    });
    if (stream.end === undefined) stream.take(status, cause);
    else if (stream.end.status !== status) {
      stream.overrule(status);
      client.report("failed", { id: stream.id, stage: "store", error: cause });
    }
    this.#finish();
  }

  #finishStored(): void {
    this.#stored = this.#options.stream.log.last;
    this.#finish();
  }

  #finish(): void {
    this.#stop();
    this.#options.onStored();
  }

  #wakeWaiting(): void {
    if (this.full && this.#options.stream.end === undefined) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Sends in `ms` or sooner; in the next turn if that is now. */
  #arm(ms: number): void {
    const { clock } = this.#options.client;
    const due = clock.now() + Math.max(0, ms);
    if (due >= this.#due) return;
    this.#disarm();
    this.#due = due;
    const send = (): void => void this.#send();
    this.#disarm = ms > 0 ? clock.after(ms, send) : clock.shortly(send);
  }
}

function toStoredEnd({ status, error }: StreamEnd): StoredEnd {
  return { status, ...(error !== undefined && { error: toPublicError(error) }) };
}
