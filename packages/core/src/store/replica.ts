import { fromPublicError } from "../base/errors.ts";
import { encodeComment } from "../protocol/encode.ts";
import type { Stream } from "../stream/stream.ts";
import { PAGE, type PageCache, withIds } from "./page-cache.ts";
import type { StoredEnd, StoreMeta, StorePage } from "./store.ts";
import { LEASE, pollDelay, type StoreClient } from "./store-client.ts";
import { isInterrupted } from "./store-options.ts";

/** How long a stream that the store has lost is waited for: its producer restores it, if it is alive. */
const LOST_AFTER: number = LEASE + 5_000;
/** How long until a missing stream counts as stopped, if this registry can start it again for its readers. */
const STOPPED_AFTER = 6_000;
/** After this many reads in a row that brought nothing, wait: a store may contradict itself. */
const MAX_IDLE_READS = 8;
const IDLE_PAUSE = 100;
const DEGRADED = encodeComment("degraded");

/** What a replica takes from its owner. */
export interface ReplicaHooks {
  /** For how long the store keeps a channel without a push, in ms. */
  readonly channelTtl: number;
  /** The store has another life of the id. */
  moved(replica: Replica, meta: StoreMeta): void;
  /** Starts the stream again that was stopped when its last reader in another process left; `undefined` without a source. */
  readonly restartSource: ((id: string) => void) | undefined;
  /** Creates a channel again that the store has lost. */
  readonly reopenChannel: (id: string) => Promise<unknown>;
  /** The store has returned to an older copy of the channel: what comes next has to be another life. */
  channelWentBack(id: string, epoch: string): Promise<void>;
}

/** What to do after a read. */
type Next = "read" | "wait";

/**
 * A stream of the store, for the readers in this process: its log is read from the store on each hint, and every few
 * seconds, since hints get lost. Only the replica reads the live edge of the store; readers read the log.
 */
export class Replica {
  readonly stream: Stream;
  readonly #hooks: ReplicaHooks;
  readonly #client: StoreClient;
  readonly #pages: PageCache;
  #isReading = false;
  /** The round of reads that is under way, or was the last. */
  #round: Promise<void> = Promise.resolve();
  /** Why the last round could not read everything. */
  #failure: unknown;
  #readAgain = false;
  #isOver = false;
  #cancelTimer: () => void = () => undefined;
  #missingSince: number | undefined;
  #leaseLeft = Infinity;
  #interruptedAt: number | undefined;
  /** Whether an interrupted stream may be ended as soon as its window is over in the store. */
  #isWindowOver = false;
  /** When a channel was last kept from expiring in the store. */
  #keptAt: number;

  constructor(hooks: ReplicaHooks, client: StoreClient, stream: Stream, pages: PageCache) {
    this.#hooks = hooks;
    this.#client = client;
    this.stream = stream;
    this.#pages = pages;
    this.#keptAt = client.clock.now();
  }

  /** Adds what was read together with `meta`, as far as it continues the log. */
  apply(meta: StoreMeta, after: number, frames: readonly Uint8Array[]): void {
    const { stream } = this;
    this.#pages.setFirst(meta.first);
    // Another producer has continued the stream.
    if (meta.epoch !== stream.log.epoch) stream.continueFrom(meta.epoch, meta.joints ?? [], 0);
    if (after > stream.log.last || frames.length > 0) {
      stream.appendFrames(after, withIds(stream, after + 1, frames));
    }
    if (meta.end !== undefined && stream.log.last >= meta.last) this.#finish(meta.end);
    else this.#leaseLeft = meta.leaseLeftMs;
    if (meta.leaseLeftMs > 0) this.#resume();
    else if (isInterrupted(meta) && this.#client.health.canExpireLeases) this.#interrupt(meta);
  }

  /** Something may have changed in the store: reads now, or again behind the read under way. */
  refresh(): void {
    if (this.#isOver) return;
    if (this.#isReading) this.#readAgain = true;
    else this.#round = this.#readAll();
  }

  /**
   * Resolves when everything is here that the store has at the time of the call.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async catchUp(): Promise<void> {
    this.refresh();
    await this.#round;
    if (this.#failure !== undefined) throw this.#failure;
  }

  stop(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }

  async #readAll(): Promise<void> {
    const { log, readers } = this.stream;
    this.#cancelTimer();
    this.#isReading = true;
    this.#failure = undefined;
    try {
      let idleReads = 0;
      do {
        const before = log.last;
        this.#readAgain = (await this.#read()) === "read" || this.#readAgain;
        idleReads = log.last > before ? 0 : idleReads + 1;
      } while (this.#readAgain && !this.#isOver && idleReads < MAX_IDLE_READS);
    } catch (error) {
      this.#readAgain = false;
      // The client reports it; the readers are told here.
      this.#failure = error;
      for (const reader of readers.list()) reader.writeComment?.(DEGRADED);
    }
    this.#isReading = false;
    if (!this.#isOver) this.#cancelTimer = this.#client.clock.after(this.#pause(), () => this.refresh());
  }

  /** Until the next read without a hint: a lease that expires is noticed at once. */
  #pause(): number {
    if (this.#readAgain) return IDLE_PAUSE;
    const delay = pollDelay(this.#client.random());
    return this.#leaseLeft > 0 ? Math.min(delay, this.#leaseLeft) : delay;
  }

  async #read(): Promise<Next> {
    this.#readAgain = false;
    const { id, log } = this.stream;
    const after = log.last;
    const page = await this.#client.read(id, { epoch: log.epoch, seq: after }, PAGE);
    if (this.#isOver) return "wait";
    if (page.code === "missing") return this.#onMissing();
    this.#missingSince = undefined;
    const isAheadOfJoint = page.code === "ahead" && page.meta.epoch !== log.epoch;
    if (page.code === "epoch" || isAheadOfJoint) {
      this.#hooks.moved(this, page.meta);
      return "wait";
    }
    return this.#onPage(page, after);
  }

  async #onPage(page: Exclude<StorePage, { code: "missing" }>, after: number): Promise<Next> {
    const { meta, code } = page;
    const { kind, id, log } = this.stream;
    if (code === "ahead" && kind === "channel") {
      await this.#hooks.channelWentBack(id, log.epoch);
      return "read";
    }
    if (code === "ok") this.apply(meta, after, page.frames);
    else this.apply(meta, code === "trimmed" ? meta.first - 1 : after, []);
    if (this.#isOver) return "wait";
    if (log.last < meta.last) return "read";
    return kind === "channel" ? this.#keepChannel() : this.#checkLease(meta);
  }

  /** A channel that has readers is kept, however long nothing is pushed. */
  async #keepChannel(): Promise<Next> {
    const { channelTtl } = this.#hooks;
    const { id, log, readers } = this.stream;
    const now = this.#client.clock.now();
    if (readers.size === 0 || now < this.#keptAt + channelTtl / 4) return "wait";
    this.#keptAt = now;
    const renewal = { epoch: log.epoch, fence: 0, frames: [], leaseMs: LEASE, ttlMs: channelTtl };
    return (await this.#client.append(id, renewal)).code === "ok" ? "wait" : "read";
  }

  async #checkLease(meta: StoreMeta): Promise<Next> {
    const { end, fence, leaseLeftMs, retryWindowMs = 0, error } = meta;
    const isOver =
      end === undefined && leaseLeftMs + retryWindowMs <= 0 && this.#client.health.canExpireLeases;
    if (!isOver || (retryWindowMs > 0 && !this.#isWindowOver)) return "wait";
    const lost: StoredEnd = error === undefined ? { status: "lost" } : { status: "failed", error };
    return (await this.#client.lost(this.stream.id, fence, lost)) ? "read" : "wait";
  }

  /** The stream waits for another producer. Whether the window is over is decided with the snapshot, if there is one. */
  #interrupt({ leaseLeftMs, retryWindowMs = 0, error }: StoreMeta): void {
    const { stream } = this;
    const { restartSource } = this.#hooks;
    const { clock } = this.#client;
    this.#interruptedAt ??= clock.now();
    stream.interrupt({
      error: error && fromPublicError(error),
      window: Math.max(0, leaseLeftMs + retryWindowMs),
      expire: () => {
        this.#isWindowOver = true;
        this.refresh();
      },
    });
    const isStopped = clock.now() - this.#interruptedAt >= STOPPED_AFTER;
    if (isStopped && stream.readers.size > 0) restartSource?.(stream.id);
  }

  #resume(): void {
    this.#isWindowOver = false;
    this.#interruptedAt = undefined;
    this.stream.resume();
  }

  async #onMissing(): Promise<Next> {
    const { reopenChannel, restartSource } = this.#hooks;
    const { id, kind, readers } = this.stream;
    if (kind === "channel") {
      await reopenChannel(id);
      return "read";
    }
    this.#leaseLeft = Infinity;
    this.#missingSince ??= this.#client.clock.now();
    const missingFor = this.#client.clock.now() - this.#missingSince;
    if (missingFor >= LOST_AFTER) this.#finish({ status: "lost" });
    else if (missingFor >= STOPPED_AFTER && readers.size > 0) restartSource?.(id);
    return "wait";
  }

  #finish({ status, error }: StoredEnd): void {
    this.stop();
    this.stream.finish(status, error && fromPublicError(error));
  }
}
