import { type Clock, type Store, type StoreMeta, systemClock } from "@holdfast/core";

/** How much faster the clock of these servers is, so that a lease of 15 s expires sooner. */
const SPEED = 4;

export const fastClock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * SPEED,
  after: (ms, fn) => systemClock.after(ms / SPEED, fn),
};

/** Times that a store takes, which uses real time. */
interface StoreTimes {
  readonly leaseMs?: number;
  readonly ttlMs?: number;
  readonly retryWindowMs?: number;
}

function toRealTime<Times extends StoreTimes>(times: Times): Times {
  const real: { -readonly [Name in keyof StoreTimes]: StoreTimes[Name] } = {};
  for (const name of ["leaseMs", "ttlMs", "retryWindowMs"] as const) {
    const { [name]: ms } = times;
    if (ms !== undefined) real[name] = ms / SPEED;
  }
  return { ...times, ...real };
}

function toFastTime(meta: StoreMeta): StoreMeta {
  const { leaseLeftMs, retryWindowMs } = meta;
  return {
    ...meta,
    leaseLeftMs: leaseLeftMs * SPEED,
    ...(retryWindowMs !== undefined && { retryWindowMs: retryWindowMs * SPEED }),
  };
}

/** Wraps a store, which uses real time, for a registry with the fast clock. */
export function storeOnFastClock(store: Store): Store {
  return {
    ...store,
    async open(id, options) {
      const opened = await store.open(id, toRealTime(options));
      return opened.role === "reader" ? { ...opened, meta: toFastTime(opened.meta) } : opened;
    },
    append: (id, { interrupt, ...options }) =>
      store.append(id, {
        ...toRealTime(options),
        ...(interrupt !== undefined && { interrupt: toRealTime(interrupt) }),
      }),
    async read(id, after, limits) {
      const page = await store.read(id, after, limits);
      return page.code === "missing" ? page : { ...page, meta: toFastTime(page.meta) };
    },
  };
}
