import type { Store } from "@holdfast/core";

/** A store with nothing in it. */
export interface Subject {
  readonly store: Store;
  /** The same data as another machine sees it. @default store */
  readonly other?: Store;
  /** Lets so many ms pass, as the store counts them. */
  readonly pause: (ms: number) => Promise<void>;
  /** Ends what the store holds of its own. */
  readonly close: () => Promise<void>;
}
