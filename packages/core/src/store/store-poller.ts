import { toHoldfastError } from "../base/errors.ts";
import { KeyedPoller } from "../base/keyed-poller.ts";
import type { StreamKind } from "../stream/stream.ts";
import type { LookupResult } from "../stream/stream-host.ts";
import { pollDelay, type StoreClient } from "./store-client.ts";
import type { StoreWatcher } from "./store-watcher.ts";

export interface StorePollerOptions {
  readonly client: StoreClient;
  readonly watcher: StoreWatcher;
  /** Looks once. */
  readonly look: (id: string, kind: StreamKind) => Promise<LookupResult>;
}

type Poller = KeyedPoller<LookupResult, () => void>;

/** Looks ids up in the store: one call at a time per id and kind, repeated on each hint, and every few seconds. */
export class StorePoller {
  readonly #options: StorePollerOptions;
  readonly #pollers: Readonly<Record<StreamKind, Poller>>;

  constructor(options: StorePollerOptions) {
    this.#options = options;
    this.#pollers = { stream: this.#createPoller("stream"), channel: this.#createPoller("channel") };
  }

  /**
   * Calls `listener` with the result of each look-up from now on. Returns how to leave (idempotent).
   *
   * @param isFresh looks anew, and passes on no result of an earlier look-up
   */
  join(
    id: string,
    kind: StreamKind,
    listener: (result: LookupResult) => void,
    isFresh?: boolean,
  ): () => void {
    return this.#pollers[kind].join(id, listener, isFresh);
  }

  /** Looks everything up anew. */
  refresh(): void {
    for (const poller of Object.values(this.#pollers)) poller.refreshAll();
  }

  #createPoller(kind: StreamKind): Poller {
    const { client, watcher } = this.#options;
    const poller: Poller = new KeyedPoller({
      clock: client.clock,
      createState: (id) => watcher.watch(id, () => poller.refresh(id)),
      deleteState: (unwatch) => unwatch(),
      call: (id, _unwatch, onResult) => {
        let isCancelled = false;
        void this.#look(id, kind).then((result) => {
          if (!isCancelled && !client.isClosed) onResult(result);
        });
        return () => {
          isCancelled = true;
        };
      },
      interval: () => pollDelay(client.random()),
      keepFor: 0,
    });
    return poller;
  }

  async #look(id: string, kind: StreamKind): Promise<LookupResult> {
    try {
      return await this.#options.look(id, kind);
    } catch (error) {
      return { state: "unknown", error: toHoldfastError(error) };
    }
  }
}
