import { HoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { existsError } from "../stream/stream-table.ts";
import type { StoreOpen, StoreOpened } from "./store.ts";
import { LEASE, type StoreClient } from "./store-client.ts";
import { toStoreLimits, toStoreOpen } from "./store-options.ts";

/** A stream whose producer this process is, as the store has it. */
export type Claim = Extract<StoreOpened, { role: "producer" }>;

/** Makes this process the producer of streams in the store. */
export class StreamClaims {
  readonly #client: StoreClient;
  readonly #defaults: ResolvedStream;
  /** The epochs of streams whose opening was not answered. */
  readonly #unanswered = new Map<string, string>();

  constructor(client: StoreClient, defaults: ResolvedStream) {
    this.#client = client;
    this.#defaults = defaults;
  }

  /**
   * Claims an id. A stream whose producer is dead is ended first.
   *
   * @throws `STREAM_EXISTS`, `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async claim(id: string, options: ResolvedStream): Promise<Claim> {
    const open = toStoreOpen("stream", options, this.#client.random);
    const epoch = this.#unanswered.get(id) ?? open.epoch;
    this.#unanswered.delete(id);
    try {
      return await this.#claimAs(id, { ...open, epoch });
    } catch (error) {
      if (HoldfastError.is(error) && error.code === "STORE_UNAVAILABLE") this.#rememberUnanswered(id, epoch);
      throw error;
    }
  }

  /** Ends a stream that was claimed, but that nobody will produce. */
  abandon(id: string, opened: StoreOpened): void {
    if (opened.role === "reader") return;
    const { epoch, fence, last } = opened;
    const end = { status: "cancelled" } as const;
    const { ttlMs } = toStoreLimits("stream", this.#defaults);
    this.#client.appendAndForget(id, {
      epoch,
      fence,
      from: last + 1,
      frames: [],
      leaseMs: LEASE,
      ttlMs,
      end,
    });
  }

  /**
   * Asks the producer in another process to cancel a stream. If it does not react for one lease, its stream is taken over
   * and ended. Returns whether the stream was live.
   */
  async cancel(id: string, reason: string): Promise<boolean> {
    const isLive = await this.#client.cancel(id, reason);
    if (isLive) this.#client.clock.after(LEASE, () => void this.#enforceCancel(id));
    return isLive;
  }

  async #claimAs(id: string, open: StoreOpen): Promise<Claim> {
    for (;;) {
      const opened = await this.#client.open(id, open, (late) => this.#onLateAnswer(id, late));
      if (opened.role === "producer") return opened;
      const { kind, epoch, fence, last, leaseLeftMs } = opened.meta;
      // An earlier call of this process succeeded, and its answer was lost.
      if (epoch === open.epoch) return { role: "producer", epoch, fence, last };
      const isDead = leaseLeftMs <= 0 && this.#client.canExpireLeases;
      if (!isDead || !(await this.#client.lost(id, fence, { status: "lost" }))) {
        throw existsError({ id, kind });
      }
    }
  }

  /**
   * The open may have succeeded although its answer was lost. Its epoch is kept for one lease, so that a retry in this
   * process adopts it.
   */
  #rememberUnanswered(id: string, epoch: string): void {
    this.#unanswered.set(id, epoch);
    this.#client.clock.after(LEASE, () => {
      if (this.#unanswered.get(id) === epoch) this.#unanswered.delete(id);
    });
  }

  #onLateAnswer(id: string, opened: StoreOpened): void {
    const isUnanswered = opened.role === "producer" && this.#unanswered.get(id) === opened.epoch;
    if (!isUnanswered && !this.#client.isClosed) return;
    this.#unanswered.delete(id);
    this.abandon(id, opened);
  }

  async #enforceCancel(id: string): Promise<void> {
    const client = this.#client;
    try {
      const page = await client.readHead(id);
      if (page.code === "missing" || page.meta.end !== undefined || page.meta.cancel === undefined) return;
      const open = toStoreOpen("stream", this.#defaults, client.random);
      this.abandon(id, await client.open(id, { ...open, takeover: true }));
    } catch {
      // The client reports outages.
      client.clock.after(LEASE, () => void this.#enforceCancel(id));
    }
  }
}
