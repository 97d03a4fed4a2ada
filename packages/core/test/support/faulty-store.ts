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

/** What becomes of a call. `late`: answered in up to three seconds. `unheard`: done, but the answer is lost. */
export type CallFate = "well" | "rejected" | "hanging" | "late" | "unheard";
/** What becomes of a hint. */
export type WakeFate = "well" | "dropped" | "doubled" | "late";

export interface FaultyStore extends Store {
  /** What may become of each call from now on: one of these, at random. */
  calls: readonly CallFate[];
  wakes: readonly WakeFate[];
  /** How many calls were made. */
  readonly asked: number;
  /** Nothing that was under way is answered, and nothing any more; no hint comes through. */
  cut(): void;
}

export interface FaultyStoreOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** PageCache have so many frames at most. @default as many as are asked for */
  readonly pageFrames?: number;
}

/** One process's way to a store, on which things go wrong as a test has it. */
export function createFaultyStore(store: Store, options: FaultyStoreOptions): FaultyStore {
  const { clock, random, pageFrames = Infinity } = options;
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let isCut = false;
  let asked = 0;

  function call<T>(run: () => Promise<T>): Promise<T> {
    asked++;
    return new Promise((resolve, reject) => {
      const away = (): void => reject(new Error("The store is away."));
      const answer = (): void => {
        run().then((value) => {
          if (!isCut) resolve(value);
        }, reject);
      };
      if (isCut) return;
      switch (any(faulty.calls)) {
        case "well":
          return answer();
        case "rejected":
          return away();
        case "hanging":
          return;
        case "late":
          // Done at once or in the end.
          if (random() < 0.5) clock.after(3_000 * random(), answer);
          else
            void run().then((value) => {
              clock.after(3_000 * random(), () => {
                if (!isCut) resolve(value);
              });
            });
          return;
        case "unheard":
          void run().then(away);
          return;
      }
    });
  }

  const faulty: FaultyStore = {
    calls: ["well"],
    wakes: ["well"],
    get asked() {
      return asked;
    },
    cut() {
      isCut = true;
    },
    open: (id: string, given: StoreOpen) => call(() => store.open(id, given)),
    append: (id: string, given: StoreAppend) => call(() => store.append(id, given)),
    read: (id: string, after: StoreCursor | null, limits: PageLimits) =>
      call(() => store.read(id, after, { ...limits, frames: Math.min(limits.frames, pageFrames) })),
    cancel: (id: string, reason: string) => call(() => store.cancel(id, reason)),
    lost: (id: string, fence: number, end: StoredEnd) => call(() => store.lost(id, fence, end)),
    delete: (id: string) => call(() => store.delete(id)),
    health: (onChange) => store.health(onChange),
    wake(ids: Iterable<string>, onWake: OnWake) {
      return store.wake(ids, (id, why) => {
        const wake = (): void => {
          if (!isCut) onWake(id, why);
        };
        const fate = isCut ? "dropped" : any(faulty.wakes);
        if (fate === "dropped") return;
        if (fate === "late") clock.after(3_000 * random(), wake);
        else wake();
        if (fate === "doubled") wake();
      });
    },
  };
  return faulty;
}
