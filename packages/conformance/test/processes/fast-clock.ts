import { type Clock, type Store, type StoreMeta, systemClock } from "@holdfast/core";

/** How much faster the clock of these servers is, so that a lease of 15 s expires sooner. */
const SPEED = 4;

export const fastClock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * SPEED,
  after: (ms, fn) => systemClock.after(ms / SPEED, fn),
};

/** Wraps a store, which uses real time, for a registry with the fast clock. */
export function storeOnFastClock(store: Store): Store {
  const toRealTime = <Times extends { readonly leaseMs: number; readonly ttlMs: number }>(
    options: Times,
  ): Times => ({
    ...options,
    leaseMs: options.leaseMs / SPEED,
    ttlMs: options.ttlMs / SPEED,
  });
  const toFastTime = (meta: StoreMeta): StoreMeta => ({ ...meta, leaseLeftMs: meta.leaseLeftMs * SPEED });
  return {
    ...store,
    async open(id, options) {
      const opened = await store.open(id, toRealTime(options));
      return opened.role === "reader" ? { ...opened, meta: toFastTime(opened.meta) } : opened;
    },
    append: (id, options) => store.append(id, toRealTime(options)),
    async read(id, after, limits) {
      const page = await store.read(id, after, limits);
      return page.code === "missing" ? page : { ...page, meta: toFastTime(page.meta) };
    },
  };
}
