import { OURS, peers, REFERENCE, RESUMABLE } from "../peers/index.ts";

/** Every peer, at the rows that are quoted. */
export const everyone: readonly string[] = Object.keys(peers).filter((name) => name !== RESUMABLE);

/** Those, and who has streams of their own only. */
export const everyoneWithStreams: readonly string[] = Object.keys(peers);

/** The reference, ours and one of the best of the others. */
export const ours: readonly string[] = [REFERENCE, ...OURS, "sse-channel"];

/** One of ours for each way out, Node's and the web's: at sizes that are not quoted. */
export const fewest: readonly string[] = [REFERENCE, "@holdfast/node-http", "@holdfast/hono", "sse-channel"];
