import type { Store, StoreHint, StoreWake } from "./store.ts";

/** `anything`: hints may have been lost. */
export type Hint = StoreHint | "anything";

type Listener = (hint: Hint) => void;

/** One subscription to the store's hints, shared by everyone in this process who watches an id. */
export class StoreWatcher {
  readonly #store: Store;
  readonly #listeners = new Map<string, Set<Listener>>();
  #wake: StoreWake | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Calls `listener` with each hint about the id. Returns how to stop (idempotent). */
  watch(id: string, listener: Listener): () => void {
    this.#wake ??= this.#store.wake([], (hintId, hint) => this.#dispatch(hintId, hint));
    const listeners = this.#listeners.get(id) ?? new Set();
    if (listeners.size === 0) {
      this.#listeners.set(id, listeners);
      this.#wake.add(id);
    }
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#listeners.delete(id);
      this.#wake?.delete(id);
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#wake?.close();
    this.#wake = undefined;
  }

  #dispatch(hintId: string | undefined, hint: Hint): void {
    if (hintId !== undefined) return this.#call(hintId, hint);
    for (const id of Array.from(this.#listeners.keys())) this.#call(id, "anything");
  }

  #call(id: string, hint: Hint): void {
    // A copy: some stop when they are called, and others are added.
    for (const listener of Array.from(this.#listeners.get(id) ?? [])) listener(hint);
  }
}
