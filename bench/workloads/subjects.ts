import { OURS, peers, REFERENCE } from "../peers/index.ts";

/** Every peer, at the rows that are quoted. */
export const everyone: readonly string[] = Object.keys(peers);

/** The reference, ours and the best of the others, at the rest. */
export const fewest: readonly string[] = [REFERENCE, ...OURS, "sse-channel"];
