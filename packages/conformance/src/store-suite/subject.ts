import type { Store } from "@holdfast/core";

/** An empty store, and what the tests need to use it. */
export interface Subject {
  /** The store under test. */
  readonly store: Store;
  /** Another store on the same data, as on another machine. @default store */
  readonly other?: Store;
  /** Removes all data, as an operator may. */
  readonly flush: () => Promise<void>;
  /** Waits until `ms` have passed by the clock of the store. */
  readonly pause: (ms: number) => Promise<void>;
  /** Releases what the store holds. */
  readonly close: () => Promise<void>;
}
