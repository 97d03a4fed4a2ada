/** Those who wait for something that has a key and does not exist yet. */
export interface KeyedListeners<T> {
  /** How many wait, over all keys. */
  readonly size: number;
  /** Calls `found` once, synchronously, when the key is resolved. Returns how to stop waiting (idempotent). */
  wait(key: string, found: (value: T) => void): () => void;
  /** Hands `value` to everyone who waits for `key` now, in the order they came. */
  resolve(key: string, value: T): void;
}

/**
 * Keyed openListeners. A waiter is called, not promised: between the resolution and its reaction there is no gap in
 * which the value could change. `found` MUST NOT throw.
 */
export function createKeyedListeners<T>(): KeyedListeners<T> {
  type Entry = { readonly found: (value: T) => void };
  const keys = new Map<string, Set<Entry>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    wait(key, found) {
      const entry: Entry = { found };
      const entries = keys.get(key) ?? new Set();
      keys.set(key, entries.add(entry));
      size++;
      return () => {
        if (!entries.delete(entry)) return;
        size--;
        if (entries.size === 0 && keys.get(key) === entries) keys.delete(key);
      };
    },
    resolve(key, value) {
      const entries = keys.get(key);
      if (entries === undefined) return;
      keys.delete(key);
      // Who stops meanwhile is gone from the set, and is not come to.
      for (const entry of entries) {
        entries.delete(entry);
        size--;
        entry.found(value);
      }
    },
  };
}
