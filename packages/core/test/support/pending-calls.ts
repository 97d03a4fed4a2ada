import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";
import type { Store } from "../../src/store/store.ts";

/** Resolves when every hint of a store has arrived that was sent before. */
export interface HintBarrier {
  readonly wait: () => Promise<void>;
  readonly close: () => void;
}

/** A clock that lets `settle` finish what is under way before it lets time pass. */
export function settlingClock(settle: () => Promise<boolean>): FakeClock {
  const clock = createFakeClock();
  const dueTimes = new Set<{ readonly at: number }>();

  async function flush(): Promise<void> {
    do await clock.flush();
    while (await settle());
  }

  return {
    ...clock,
    get timers() {
      return clock.timers;
    },
    after(ms, fn) {
      const due = { at: clock.now() + Math.max(0, ms) };
      dueTimes.add(due);
      const cancel = clock.after(ms, () => {
        dueTimes.delete(due);
        fn();
      });
      return () => {
        dueTimes.delete(due);
        cancel();
      };
    },
    flush,
    async advance(ms) {
      const end = clock.now() + ms;
      await flush();
      for (;;) {
        const next = Math.min(end, ...Array.from(dueTimes, ({ at }) => at));
        await clock.advance(next - clock.now());
        await flush();
        if (next === end && !Array.from(dueTimes).some(({ at }) => at <= end)) return;
      }
    },
  };
}

/** The calls of several stores that are not answered yet, and the hints that may not have arrived yet. */
export class PendingCalls {
  readonly #pending = new Set<Promise<unknown>>();
  /** For each store, resolves when every hint has arrived that was sent before. */
  readonly #barriers: HintBarrier[] = [];
  readonly #createBarrier: ((store: Store) => HintBarrier) | undefined;
  #isChanged = false;

  /** @param createBarrier for a store whose hints arrive later than its answers */
  constructor(createBarrier?: (store: Store) => HintBarrier) {
    this.#createBarrier = createBarrier;
  }

  watch(store: Store): Store {
    const barrier = this.#createBarrier?.(store);
    if (barrier !== undefined) this.#barriers.push(barrier);
    return {
      open: (id, options) => this.#add(store.open(id, options)),
      append: (id, options) => this.#add(store.append(id, options)),
      read: (id, after, limits) => this.#add(store.read(id, after, limits)),
      cancel: (id, reason, graceMs) => this.#add(store.cancel(id, reason, graceMs)),
      lost: (id, fence, end) => this.#add(store.lost(id, fence, end)),
      delete: (id) => this.#add(store.delete(id)),
      ...(store.marker !== undefined && { marker: () => this.#add(store.marker?.() as Promise<string>) }),
      hintDisconnect: (id) => this.#add(store.hintDisconnect(id)),
      health: (onChange) => store.health(onChange),
      wake: (ids, onWake) => {
        this.#isChanged = true;
        const wake = store.wake(ids, onWake);
        return {
          ...wake,
          add: (id) => {
            this.#isChanged = true;
            wake.add(id);
          },
        };
      },
    };
  }

  /** Returns whether there was something to wait for. */
  async settle(): Promise<boolean> {
    if (this.#pending.size === 0 && !this.#isChanged) return false;
    this.#isChanged = false;
    await Promise.allSettled(this.#pending);
    await Promise.all(this.#barriers.map(({ wait }) => wait()));
    return true;
  }

  close(): void {
    for (const { close } of this.#barriers) close();
  }

  #add<T>(call: Promise<T>): Promise<T> {
    this.#isChanged = true;
    this.#pending.add(call);
    const remove = (): void => void this.#pending.delete(call);
    call.then(remove, remove);
    return call;
  }
}
