import type {
  OnWake,
  PageLimits,
  Store,
  StoreAppend,
  StoreCursor,
  StoredEnd,
  StoreOpen,
} from "../../src/store/store.ts";
import type { Clock } from "../../src/base/clock.ts";

/**
 * What happens to a call.
 *
 * - `rejected`: not executed, and rejected
 * - `hanging`: not executed, and never settled
 * - `late`: answered within three seconds
 * - `reply lost`: executed, but rejected
 */
export type CallFate = "ok" | "rejected" | "hanging" | "late" | "reply lost";
/** What happens to a wake-up. */
export type WakeUpFate = "ok" | "dropped" | "doubled" | "late";

export interface FaultyStore extends Store {
  /** Each call from now on has one of these fates, chosen at random. */
  callFates: readonly CallFate[];
  /** As `callFates`, for calls of `marker`. */
  markerFates: readonly CallFate[];
  /** Each wake-up from now on has one of these fates, chosen at random. */
  wakeUpFates: readonly WakeUpFate[];
  /** How many calls were made, without those of `marker`. */
  readonly callCount: number;
  /** How many of these calls had another fate than `ok`. */
  readonly faultCount: number;
  /** From now on no call is answered, not even a pending one, and no wake-up arrives. */
  disconnect(): void;
}

export interface FaultyStoreOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** A page has at most this many frames. @default as many as `read` asks for */
  readonly pageFrames?: number;
  /** Whether the store has a marker, by which registries notice that it has lost data. @default true */
  readonly hasMarker?: boolean;
}

/** The connection of one process to a store, on which a test can make calls and wake-ups fail. */
export function createFaultyStore(store: Store, options: FaultyStoreOptions): FaultyStore {
  const { clock, random, pageFrames = Infinity, hasMarker = true } = options;
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let isDisconnected = false;
  let callCount = 0;
  let faultCount = 0;

  function count<T>(run: () => Promise<T>): Promise<T> {
    callCount++;
    return call(faulty.callFates, run);
  }

  function call<T>(fates: readonly CallFate[], run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error("The store is unavailable."));
      const answer = (): void => {
        run().then((value) => {
          if (!isDisconnected) resolve(value);
        }, reject);
      };
      if (isDisconnected) return;
      const fate = oneOf(fates);
      if (fate !== "ok") faultCount++;
      switch (fate) {
        case "ok":
          return answer();
        case "rejected":
          return fail();
        case "hanging":
          return;
        case "late":
          // Executed at the end of the delay, or at once with a late reply.
          if (random() < 0.5) clock.after(3_000 * random(), answer);
          else
            run().then((value) => {
              clock.after(3_000 * random(), () => {
                if (!isDisconnected) resolve(value);
              });
            }, reject);
          return;
        case "reply lost":
          run().then(fail, fail);
          return;
      }
    });
  }

  const faulty: FaultyStore = {
    callFates: ["ok"],
    markerFates: ["ok"],
    wakeUpFates: ["ok"],
    get callCount() {
      return callCount;
    },
    get faultCount() {
      return faultCount;
    },
    disconnect() {
      isDisconnected = true;
    },
    open: (id: string, given: StoreOpen) => count(() => store.open(id, given)),
    append: (id: string, given: StoreAppend) => count(() => store.append(id, given)),
    read: (id: string, after: StoreCursor | null, limits: PageLimits) =>
      count(() => store.read(id, after, { ...limits, frames: Math.min(limits.frames, pageFrames) })),
    cancel: (id: string, reason: string, graceMs?: number) => count(() => store.cancel(id, reason, graceMs)),
    lost: (id: string, fence: number, end: StoredEnd) => count(() => store.lost(id, fence, end)),
    hintDisconnect: (id: string) => count(() => store.hintDisconnect(id)),
    delete: (id: string) => count(() => store.delete(id)),
    ...(hasMarker &&
      store.marker !== undefined && {
        marker: () => call(faulty.markerFates, async () => store.marker?.() as Promise<string>),
      }),
    health: (onChange) => store.health(onChange),
    wake(ids: Iterable<string>, onWake: OnWake) {
      return store.wake(ids, (id, why) => {
        const wake = (): void => {
          if (!isDisconnected) onWake(id, why);
        };
        const fate = isDisconnected ? "dropped" : oneOf(faulty.wakeUpFates);
        if (fate === "dropped") return;
        if (fate === "late") clock.after(3_000 * random(), wake);
        else wake();
        if (fate === "doubled") wake();
      });
    },
  };
  return faulty;
}
