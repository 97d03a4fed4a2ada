import type { Store } from "@holdfast/core";

/** A process's way to the store, which ends when it is killed. */
export interface Link {
  readonly store: Store;
  readonly kill: () => void;
}

export function createLink(store: Store): Link {
  let isDead = false;
  const linked = new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name] as (...args: unknown[]) => unknown;
      if (name === "health") return method.bind(target);
      if (name === "wake") {
        return (ids: Iterable<string>, onWake: (...args: unknown[]) => void) =>
          method.call(target, ids, (...args: unknown[]) => {
            if (!isDead) onWake(...args);
          });
      }
      // A dead process gets no answer, not even an error.
      return (...args: unknown[]) => (isDead ? new Promise(() => undefined) : method.apply(target, args));
    },
  });
  return { store: linked, kill: () => void (isDead = true) };
}
