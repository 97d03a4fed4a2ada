import { encodeComment } from "../protocol/encode.ts";
import { type ErrorCode, HoldfastError } from "../base/errors.ts";
import { LEASE, type StoreClient } from "./store-client.ts";
import { numbered, PAGE, type PageCache } from "./page-cache.ts";
import type { StoredEnd, StoreMeta, StorePage } from "./store.ts";
import type { Stream } from "../stream/stream.ts";

/** How often the store is asked without a hint, in ms. */
export const INTERVAL: { readonly least: number; readonly most: number } = { least: 2_000, most: 5_000 };
/** How long a stream that the store has lost is waited for: its producer gives it back, if it lives. */
const MISSED_FOR: number = LEASE + 5_000;
/** Where streams are started for their readers: how long, before one is taken for stopped. */
const STOPPED_AFTER = 6_000;
/** After so many looks at once that brought nothing it waits so long for the next, in ms: a store may be at odds with itself. */
const MOST_IDLE = 8;
const BREATH = 100;
const DEGRADED = encodeComment("degraded");

/** What a replica takes from the one who keeps it. */
export interface ReplicaHooks {
  readonly client: StoreClient;
  /** How long a channel is kept that nothing is pushed to, in ms. */
  readonly channelTtl: number;
  /** The id is in another life. */
  moved(replica: Replica, meta: StoreMeta): void;
  /** Starts a stream anew that was stopped where its last reader left, if streams are started for their readers. */
  readonly restart: ((id: string) => void) | undefined;
  /** Makes a channel anew that the store has lost. */
  reopen(id: string): Promise<unknown>;
  /** The channel has gone back in time, and what comes is other than what was read: it is to be another life. */
  wentBack(id: string, epoch: string): Promise<void>;
}

type Verdict = "again" | "wait";

/**
 * A stream of the store in this process, for the readers here: its log is read from the store on a hint, and from
 * time to time, since hints get lost. Everyone reads the log; nobody but this reads the live highWatermark of the store.
 */
export class Replica {
  readonly stream: Stream;
  readonly #keeper: ReplicaHooks;
  readonly #pages: PageCache;
  #reading = false;
  #round: Promise<void> = Promise.resolve();
  /** Why the last round could not read everything. */
  #failure: unknown;
  #again = false;
  #over = false;
  #disarm: () => void = () => undefined;
  #missingSince: number | undefined;
  #leaseLeft = Infinity;
  /** When it was last seen to that a channel is kept. */
  #keptAt: number;

  constructor(keeper: ReplicaHooks, stream: Stream, pages: PageCache) {
    this.#keeper = keeper;
    this.stream = stream;
    this.#pages = pages;
    this.#keptAt = keeper.client.clock.now();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Takes what was read together with `meta`, as far as it goes on behind the log. */
  take(meta: StoreMeta, after: number, frames: readonly Uint8Array[]): void {
    const { log } = this.stream;
    this.#pages.first = meta.first;
    if (after > log.last || frames.length > 0)
      this.stream.receive(after, numbered(this.stream, after + 1, frames));
    if (meta.end !== undefined && log.last >= meta.last) this.#finish(meta.end);
    else this.#leaseLeft = meta.leaseLeftMs;
  }

  /** Something may have changed. */
  look(): void {
    if (this.#over) return;
    if (this.#reading) this.#again = true;
    else this.#round = this.#read();
  }

  /**
   * Resolves when everything is here that the store has at the call.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async catchUp(): Promise<void> {
    this.look();
    await this.#round;
    if (this.#failure !== undefined) throw this.#failure;
  }

  stop(): void {
    this.#over = true;
    this.#disarm();
  }

  async #read(): Promise<void> {
    this.#disarm();
    this.#reading = true;
    this.#failure = undefined;
    try {
      let idle = 0;
      do {
        const before = this.stream.log.last;
        this.#again = (await this.#ask()) === "again" || this.#again;
        idle = this.stream.log.last > before ? 0 : idle + 1;
      } while (this.#again && !this.#over && idle < MOST_IDLE);
    } catch (error) {
      this.#again = false;
      // The client tells the observer of it, and this the clients.
      this.#failure = error;
      for (const reader of this.stream.readers) reader.remark?.(DEGRADED);
    }
    this.#reading = false;
    if (!this.#over) this.#disarm = this.#keeper.client.clock.after(this.#pause(), () => this.look());
  }

  /** Until the next look without a hint: a lease that runs out is noticed at once. */
  #pause(): number {
    if (this.#again) return BREATH;
    const interval = INTERVAL.least + (INTERVAL.most - INTERVAL.least) * this.#keeper.client.random();
    return this.#leaseLeft > 0 ? Math.min(interval, this.#leaseLeft) : interval;
  }

  async #ask(): Promise<Verdict> {
    this.#again = false;
    const { client } = this.#keeper;
    const { id, log } = this.stream;
    const after = log.last;
    const page = await client.read(id, { epoch: log.epoch, seq: after }, PAGE);
    if (this.#over) return "wait";
    if (page.code === "missing") return this.#miss();
    this.#missingSince = undefined;
    if (page.code === "epoch") {
      this.#keeper.moved(this, page.meta);
      return "wait";
    }
    return this.#hear(page, after);
  }

  async #hear(page: Exclude<StorePage, { code: "missing" }>, after: number): Promise<Verdict> {
    const { meta, code } = page;
    const { kind, id, log } = this.stream;
    if (code === "ahead" && kind === "channel") {
      await this.#keeper.wentBack(id, log.epoch);
      return "again";
    }
    if (code === "ok") this.take(meta, after, page.frames);
    else this.take(meta, code === "trimmed" ? meta.first - 1 : after, []);
    if (this.#over) return "wait";
    if (log.last < meta.last) return "again";
    return kind === "channel" ? this.#keepAlive() : this.#checkLease(meta);
  }

  /** A channel that is read is kept, however long nothing is pushed. */
  async #keepAlive(): Promise<Verdict> {
    const { client, channelTtl } = this.#keeper;
    const { id, log, readers } = this.stream;
    const now = client.clock.now();
    if (readers.size === 0 || now < this.#keptAt + channelTtl / 4) return "wait";
    this.#keptAt = now;
    const given = { epoch: log.epoch, fence: 0, frames: [], leaseMs: LEASE, ttlMs: channelTtl };
    return (await client.append(id, given)).code === "ok" ? "wait" : "again";
  }

  async #checkLease(meta: StoreMeta): Promise<Verdict> {
    const { client } = this.#keeper;
    if (meta.end !== undefined || meta.leaseLeftMs > 0 || !client.canExpireLeases) return "wait";
    return (await client.lost(this.stream.id, meta.fence, { status: "lost" })) ? "again" : "wait";
  }

  async #miss(): Promise<Verdict> {
    const { client, restart } = this.#keeper;
    const { id, kind } = this.stream;
    if (kind === "channel") {
      await this.#keeper.reopen(id);
      return "again";
    }
    this.#leaseLeft = Infinity;
    this.#missingSince ??= client.clock.now();
    const missedFor = client.clock.now() - this.#missingSince;
    if (missedFor >= MISSED_FOR) this.#finish({ status: "lost" });
    else if (missedFor >= STOPPED_AFTER && this.stream.readers.size > 0) restart?.(id);
    return "wait";
  }

  #finish({ status, error }: StoredEnd): void {
    this.stop();
    this.stream.finish(status, error && new HoldfastError(error.code as ErrorCode, error.message, error));
  }
}
