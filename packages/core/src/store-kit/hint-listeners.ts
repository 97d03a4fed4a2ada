import type { OnWake, Store, StoreHint, StoreWake } from "../store/store.ts";
import { keyOf as keyOfId } from "./keys.ts";

// The store suite tests it, and packages/redis/test/pubsub/hints.test.ts.

/** Options of {@link createHintListeners}. */
export interface HintListenersOptions {
  /** The name of an id in the store. Different ids have different names. @default keyOf */
  readonly keyOf?: (id: string) => string;
  /** Hints about this key are wanted, or no longer wanted. The first call starts what delivers hints. */
  readonly onChange?: (key: string) => void;
  /** Nobody wants hints any more. */
  readonly onIdle?: () => void;
  /** A listener has thrown. */
  readonly onError: (error: unknown, id: string | undefined) => void;
}

/** Everybody in this process who wants hints of a store. */
export interface HintListeners {
  /** The `wake` of the store. */
  readonly wake: Store["wake"];
  /** The keys about which hints are wanted. */
  readonly keys: ReadonlyMap<string, unknown>;
  /** Passes a hint on. Does nothing if nobody wants hints about this key. */
  notify(key: string, why: StoreHint): void;
  /** Tells everybody that hints may have been lost. */
  notifyAll(): void;
}

interface KeyListeners {
  readonly id: string;
  readonly listeners: Set<OnWake>;
}

/** Creates the `wake` of a store. The store has to find out what has changed, and call `notify`. */
export function createHintListeners(options: HintListenersOptions): HintListeners {
  const { keyOf = keyOfId, onError } = options;
  const keys = new Map<string, KeyListeners>();
  const openListeners = new Set<OnWake>();

  function call(listener: OnWake, id: string | undefined, why: StoreHint): void {
    try {
      listener(id, why);
    } catch (error) {
      onError(error, id);
    }
  }

  return {
    keys,
    notify(key, why) {
      const found = keys.get(key);
      if (found === undefined) return;
      for (const listener of found.listeners) call(listener, found.id, why);
    },
    notifyAll() {
      for (const listener of openListeners) call(listener, undefined, "changed");
    },
    wake(ids, onWake): StoreWake {
      const ownIds = new Set<string>();
      // A function of its own: two callers may pass the same `onWake`.
      const listener: OnWake = (id, why) => onWake(id, why);
      let closed = false;

      function add(id: string): void {
        if (closed || ownIds.has(id)) return;
        const key = keyOf(id);
        ownIds.add(id);
        const found = keys.get(key) ?? { id, listeners: new Set() };
        keys.set(key, found);
        found.listeners.add(listener);
        options.onChange?.(key);
      }

      function remove(id: string): void {
        if (!ownIds.delete(id)) return;
        const key = keyOf(id);
        const found = keys.get(key);
        found?.listeners.delete(listener);
        if (found?.listeners.size !== 0) return;
        keys.delete(key);
        options.onChange?.(key);
      }

      function close(): void {
        if (closed) return;
        for (const id of ownIds) remove(id);
        closed = true;
        openListeners.delete(listener);
        if (openListeners.size === 0) options.onIdle?.();
      }

      // Before anything is registered: an impossible id throws.
      const given = Array.from(ids);
      given.forEach((id) => keyOf(id));
      openListeners.add(listener);
      for (const id of given) add(id);
      return { add, delete: remove, close };
    },
  };
}
