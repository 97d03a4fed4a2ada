import type { LookupResult } from "../stream/stream-host.ts";
import type { HoldfastError } from "../base/errors.ts";
import { INTERVAL } from "./replica.ts";
import type { StoreClient } from "./store-client.ts";
import type { StoreWatcher } from "./store-watcher.ts";
import type { StreamKind } from "../stream/stream.ts";

export interface StorePollerOptions {
  readonly client: StoreClient;
  readonly watcher: StoreWatcher;
  /** StorePoller once. */
  readonly look: (id: string, kind: StreamKind) => Promise<LookupResult>;
}

interface Listener {
  readonly kind: StreamKind;
  readonly hear: (looked: LookupResult) => void;
}

/** One id that somebody looks for. */
interface Search {
  readonly id: string;
  readonly listeners: Set<Listener>;
  readonly unwatch: () => void;
  busy: boolean;
  /** Whether to look again at once. */
  again: boolean;
  disarm: () => void;
}

/** The looks into the store: one at a time for an id, for all who look for it; again on a hint, and from time to time. */
export class StorePoller {
  readonly #options: StorePollerOptions;
  readonly #searches = new Map<string, Search>();

  constructor(options: StorePollerOptions) {
    this.#options = options;
  }

  /** Hears the answer of each look from now on. Returns how to leave (idempotent). */
  join(id: string, kind: StreamKind, hear: (looked: LookupResult) => void): () => void {
    const search = this.#searches.get(id) ?? this.#begin(id);
    const listener = { kind, hear };
    search.listeners.add(listener);
    if (!search.busy) void this.#look(search);
    else if (kind === "channel") search.again = true;
    return () => {
      if (search.listeners.delete(listener) && search.listeners.size === 0) this.#abandon(search);
    };
  }

  /** StorePoller for everything anew. */
  hurry(): void {
    for (const search of this.#searches.values()) this.#hint(search);
  }

  #begin(id: string): Search {
    const search: Search = {
      id,
      listeners: new Set(),
      unwatch: this.#options.watcher.watch(id, () => this.#hint(search)),
      busy: false,
      again: false,
      disarm: () => undefined,
    };
    this.#searches.set(id, search);
    return search;
  }

  #hint(search: Search): void {
    if (search.busy) search.again = true;
    else void this.#look(search);
  }

  async #look(search: Search): Promise<void> {
    const { client, look } = this.#options;
    search.disarm();
    search.busy = true;
    search.again = false;
    const isChannel = Array.from(search.listeners).some(({ kind }) => kind === "channel");
    const looked = await look(search.id, isChannel ? "channel" : "stream").catch(
      (error: HoldfastError): LookupResult => ({ state: "unknown", error }),
    );
    search.busy = false;
    if (client.closed) return;
    // A copy: some leave as they hear it, and others come.
    for (const listener of Array.from(search.listeners)) {
      if (search.listeners.has(listener)) listener.hear(looked);
    }
    if (search.listeners.size === 0 || search.busy) return;
    const wait = search.again ? 0 : INTERVAL.least + (INTERVAL.most - INTERVAL.least) * client.random();
    search.disarm = client.clock.after(wait, () => void this.#look(search));
  }

  #abandon(search: Search): void {
    search.disarm();
    search.unwatch();
    this.#searches.delete(search.id);
  }
}
