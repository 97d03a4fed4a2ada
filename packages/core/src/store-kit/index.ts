/*
 * What stores are built of: the rules of the seam as functions of a head, the listeners of hints, and the health of a store.
 * docs/custom-store.md builds a store from these parts.
 */

export type { FrameOffset } from "./byte-limit.ts";
export { appendToHead, cancelHead, loseHead, openHead, readHead } from "./head.ts";
export type { HeadAppended, HeadOpened, HeadRead, StreamHead } from "./head.ts";
export { createHealth } from "./health.ts";
export type { Health } from "./health.ts";
export { createHintListeners } from "./hint-listeners.ts";
export type { HintListeners, HintListenersOptions } from "./hint-listeners.ts";
export { keyOf } from "./keys.ts";
