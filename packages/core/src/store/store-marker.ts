import { pollDelay, type StoreClient } from "./store-client.ts";
import { startAsync } from "../base/timed-call.ts";
import type { IfExists } from "../stream/stream-host.ts";
import type { StoreWatcher } from "./store-watcher.ts";

/** How long living producers take to renew their leases, and so to restore what the store has lost, in ms. */
const RENEWED_AFTER = 6_000;

/**
 * Notices that the store has lost its data, by its marker. Until living producers have restored their streams, an id that the
 * store does not know may be that of a live stream.
 */
export class StoreMarker {
  readonly #client: StoreClient;
  readonly #watcher: StoreWatcher;
  readonly #onChanged: () => void;
  #known: string | undefined;
  #reading: Promise<string | undefined> | undefined;
  /** When every living producer has restored its streams. */
  #restoredAt = -Infinity;

  /** @param onChanged called when the store is found to have lost its data */
  constructor(client: StoreClient, watcher: StoreWatcher, onChanged: () => void) {
    this.#client = client;
    this.#watcher = watcher;
    this.#onChanged = onChanged;
    void this.#learn();
  }

  /**
   * Resolves when an open of the id may be granted: at once, unless the store has lost its data. Then when its producer, if
   * there is one, has restored it; earlier for an open that fails as soon as the id is there.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async untilRestored(id: string, ifExists: IfExists): Promise<void> {
    const { clock } = this.#client;
    for (;;) {
      this.#see(await this.#read());
      if (clock.now() >= this.#restoredAt) return;
      // An open that continues the stream needs its events too, which are stored behind it.
      if (ifExists === "throw" && (await this.#isStored(id))) return;
      await this.#untilHinted(id, this.#restoredAt - clock.now());
    }
  }

  /** Learns the marker before it is needed. The store may not be connected yet, which is no outage. */
  async #learn(): Promise<void> {
    const client = this.#client;
    try {
      const marker = await startAsync(() => client.readMarker());
      this.#known ??= marker;
    } catch {
      client.clock.after(pollDelay(client.random()), () => void this.#learn());
    }
  }

  /** Many opens at the same time read the marker once. */
  #read(): Promise<string | undefined> {
    this.#reading ??= this.#client.marker().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  #see(marker: string | undefined): void {
    if (marker === this.#known) return;
    const isChanged = this.#known !== undefined && marker !== undefined;
    this.#known = marker;
    if (!isChanged) return;
    this.#restoredAt = this.#client.clock.now() + RENEWED_AFTER;
    this.#onChanged();
  }

  async #isStored(id: string): Promise<boolean> {
    return (await this.#client.readHead(id)).code !== "missing";
  }

  async #untilHinted(id: string, ms: number): Promise<void> {
    let unwatch = (): void => undefined;
    const hinted = (): Promise<void> =>
      new Promise((resolve) => {
        unwatch = this.#watcher.watch(id, () => resolve());
      });
    try {
      await this.#client.wait(ms, hinted);
    } finally {
      unwatch();
    }
  }
}
