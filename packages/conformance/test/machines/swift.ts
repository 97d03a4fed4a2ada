import { type Clock, type Store, type StoreMeta, systemClock } from "@holdfast/core";

/** So much faster does time go by on the machines of these tests than on the wall, or a lease would take 15 s. */
export const SPEED = 4;

export const swiftClock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * SPEED,
  after: (ms, fn) => systemClock.after(ms / SPEED, fn),
};

/** A store of the wall's time, for a registry of swift time. */
export function swiftStore(store: Store): Store {
  const toWall = <Lives extends { readonly leaseMs: number; readonly ttlMs: number }>(
    given: Lives,
  ): Lives => ({
    ...given,
    leaseMs: given.leaseMs / SPEED,
    ttlMs: given.ttlMs / SPEED,
  });
  const toSwift = (meta: StoreMeta): StoreMeta => ({ ...meta, leaseLeftMs: meta.leaseLeftMs * SPEED });
  return {
    ...store,
    async open(id, options) {
      const opened = await store.open(id, toWall(options));
      return opened.role === "reader" ? { ...opened, meta: toSwift(opened.meta) } : opened;
    },
    append: (id, options) => store.append(id, toWall(options)),
    async read(id, after, limits) {
      const page = await store.read(id, after, limits);
      return page.code === "missing" ? page : { ...page, meta: toSwift(page.meta) };
    },
  };
}
