import type { Store, StoreWake } from "./store.ts";

/** `anything`: hints may have been lost. */
export type Hint = "changed" | "cancel" | "anything";

type Watcher = (hint: Hint) => void;

/** One ear for the store's hints, for everyone in this process who wants to hear of an id. */
export class StoreWatcher {
  readonly #store: Store;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #wake: StoreWake | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Hears each hint about the id. Returns how to stop (idempotent). */
  watch(id: string, watcher: Watcher): () => void {
    this.#wake ??= this.#store.wake([], (about, why) => this.#hear(about, why));
    const watchers = this.#watchers.get(id) ?? new Set();
    if (watchers.size === 0) {
      this.#watchers.set(id, watchers);
      this.#wake.add(id);
    }
    watchers.add(watcher);
    return () => {
      if (!watchers.delete(watcher) || watchers.size > 0) return;
      this.#watchers.delete(id);
      this.#wake?.delete(id);
    };
  }

  close(): void {
    this.#watchers.clear();
    this.#wake?.close();
    this.#wake = undefined;
  }

  #hear(about: string | undefined, hint: Hint): void {
    if (about === undefined) for (const id of Array.from(this.#watchers.keys())) this.#tell(id, "anything");
    else this.#tell(about, hint);
  }

  #tell(id: string, hint: Hint): void {
    // A copy: some stop as they hear it, and others come.
    for (const watcher of Array.from(this.#watchers.get(id) ?? [])) watcher(hint);
  }
}
