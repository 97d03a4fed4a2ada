import type { HoldfastError } from "../base/errors.ts";

/** A live stream without a producer: another one may open it again. */
export interface Interruption {
  /** Why the stream fails if nobody does; `undefined` for a producer that was lost. */
  readonly error: HoldfastError | undefined;
  /** For how long it waits for a producer, in ms. */
  readonly window: number;
  /** Called when the window is over, for a stream whose end is decided in a store. By default it ends here. */
  readonly expire?: () => void;
}
