import { existsError, endedError, HoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import type { IfExists } from "../stream/stream-host.ts";
import type { StoreMeta, StoreOpen, StoreOpened } from "./store.ts";
import { LEASE, type StoreClient } from "./store-client.ts";
import type { StoreMarker } from "./store-marker.ts";
import { isInterrupted, toStoreLimits, toStoreOpen, toStoreWindow } from "./store-options.ts";

const CANCELLED = { status: "cancelled" } as const;

/** A stream whose producer this process is, as the store has it. */
export type Claim = Extract<StoreOpened, { role: "producer" }>;

interface UnansweredOpen {
  readonly epoch: string;
  readonly ifExists: IfExists;
}

/** Makes this process the producer of streams in the store. */
export class StreamClaims {
  readonly #client: StoreClient;
  readonly #marker: StoreMarker;
  readonly #defaults: ResolvedStream;
  /** The opens that were not answered: the store may have granted them. */
  readonly #unanswered = new Map<string, UnansweredOpen>();

  constructor(client: StoreClient, marker: StoreMarker, defaults: ResolvedStream) {
    this.#client = client;
    this.#marker = marker;
    this.#defaults = defaults;
  }

  /**
   * Claims an id. A stream whose producer is dead gives way.
   *
   * @throws `STREAM_EXISTS`, `STREAM_ENDED`, `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async claim(id: string, options: ResolvedStream, ifExists: IfExists): Promise<Claim> {
    await this.#marker.untilRestored(id, ifExists);
    const open = { ...toStoreOpen("stream", options, this.#client.random), ifExists };
    const unanswered = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    let { epoch } = open;
    try {
      if (unanswered !== undefined && mayAdopt(unanswered, ifExists)) {
        ({ epoch } = unanswered);
        const opened = await this.#open(id, { ...open, epoch });
        if (opened.role === "producer") return opened;
        ({ epoch } = open);
      }
      return await this.#claimAs(id, open);
    } catch (error) {
      if (HoldfastError.is(error) && error.code === "STORE_UNAVAILABLE") {
        this.#rememberUnanswered(id, { epoch, ifExists });
      }
      throw error;
    }
  }

  /** Ends or interrupts a stream that was claimed, but that nobody will produce. */
  abandon(id: string, { epoch, fence, last }: Claim, retryWindow: number): void {
    this.#client.appendAndForget(id, {
      epoch,
      fence,
      from: last + 1,
      frames: [],
      leaseMs: LEASE,
      ttlMs: this.#ttl,
      ...(retryWindow > 0 ? { interrupt: { retryWindowMs: retryWindow } } : { end: CANCELLED }),
    });
  }

  /**
   * Asks the producer in another process to cancel a stream. If it does not react for one lease, or there is none, the
   * stream is ended. Returns whether the stream was live.
   */
  async cancel(id: string, reason: string, grace: number): Promise<boolean> {
    const client = this.#client;
    if (!(await client.cancel(id, reason, toStoreWindow(grace)))) return false;
    const page = await client.readHead(id);
    if (page.code !== "missing" && isInterrupted(page.meta)) await this.#endCancelled(id, page.meta);
    else client.clock.after(LEASE + grace, () => void this.#enforceCancel(id));
    return true;
  }

  async #claimAs(id: string, open: StoreOpen): Promise<Claim> {
    for (let attempt = open; ;) {
      const opened = await this.#open(id, attempt);
      if (opened.role === "producer") return opened;
      const { kind, fence, leaseLeftMs, end } = opened.meta;
      if (end !== undefined) throw endedError(id, end.status);
      if (leaseLeftMs > 0 || !this.#client.health.canExpireLeases) throw existsError({ id, kind });
      attempt = { ...open, ifExists: "replace", lapsedFence: fence };
    }
  }

  #open(id: string, open: StoreOpen): Promise<StoreOpened> {
    return this.#client.open(id, open, (late) => this.#onLateAnswer(id, late, open.retryWindowMs ?? 0));
  }

  /** Remembers for one lease that the open may have succeeded although its answer was lost. */
  #rememberUnanswered(id: string, unanswered: UnansweredOpen): void {
    this.#unanswered.set(id, unanswered);
    this.#client.clock.after(LEASE, () => {
      if (this.#unanswered.get(id) === unanswered) this.#unanswered.delete(id);
    });
  }

  #onLateAnswer(id: string, opened: StoreOpened, retryWindow: number): void {
    if (opened.role === "reader") return;
    const isUnanswered = this.#unanswered.get(id)?.epoch === opened.epoch;
    if (!isUnanswered && !this.#client.isClosed) return;
    this.#unanswered.delete(id);
    this.abandon(id, opened, retryWindow);
  }

  async #enforceCancel(id: string): Promise<void> {
    const client = this.#client;
    try {
      const page = await client.readHead(id);
      if (page.code === "missing" || page.meta.end !== undefined || page.meta.cancel === undefined) return;
      await this.#endCancelled(id, page.meta);
    } catch {
      // The client reports outages.
      client.clock.after(LEASE, () => void this.#enforceCancel(id));
    }
  }

  /** Ends the stream, unless another producer has opened it meanwhile: the fence is compared. */
  async #endCancelled(id: string, { epoch, fence }: StoreMeta): Promise<void> {
    const end = { epoch, fence, frames: [], leaseMs: LEASE, ttlMs: this.#ttl, end: CANCELLED };
    await this.#client.append(id, end);
  }

  get #ttl(): number {
    return toStoreLimits("stream", this.#defaults).ttlMs;
  }
}

/**
 * Whether a retry may use the epoch of an unanswered open again. A stream that was continued may have had events in this
 * epoch. If the store has lost it since, the retry would begin a new life, and give their ids to other events.
 */
function mayAdopt(unanswered: UnansweredOpen, ifExists: IfExists): boolean {
  return ifExists === "throw" && unanswered.ifExists !== "append";
}
