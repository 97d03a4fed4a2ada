/** Listeners by key, each called at most once. */
export interface KeyedListeners<T> {
  /** How many listeners there are, over all keys. */
  readonly size: number;
  /** Calls `listener` once, synchronously, at the next `notify` of this key. Returns how to remove it (idempotent). */
  add(key: string, listener: (value: T) => void): () => void;
  /** Removes the listeners of `key` and calls them with `value`, in the order in which they were added. */
  notify(key: string, value: T): void;
}

/**
 * Creates an empty set of {@link KeyedListeners}.
 *
 * It calls listeners instead of resolving promises: between `notify` and the reaction nothing else runs, so `value`
 * cannot be out of date. A listener MUST NOT throw.
 */
export function createKeyedListeners<T>(): KeyedListeners<T> {
  type Entry = { readonly listener: (value: T) => void };
  const keys = new Map<string, Set<Entry>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(key, listener) {
      const entry: Entry = { listener };
      const entries = keys.get(key) ?? new Set();
      keys.set(key, entries.add(entry));
      size++;
      return () => {
        if (!entries.delete(entry)) return;
        size--;
        if (entries.size === 0 && keys.get(key) === entries) keys.delete(key);
      };
    },
    notify(key, value) {
      const entries = keys.get(key);
      if (entries === undefined) return;
      keys.delete(key);
      // A listener may remove another one; the loop over the set then skips that one.
      for (const entry of entries) {
        entries.delete(entry);
        size--;
        entry.listener(value);
      }
    },
  };
}
