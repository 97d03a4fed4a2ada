import { OURS, peers, REFERENCE, RESUMABLE } from "../peers/index.ts";

/** Every peer that can broadcast, for the main rows. */
export const broadcastPeers: readonly string[] = Object.keys(peers).filter((name) => name !== RESUMABLE);

/** Every peer, also those that only have one stream per client. */
export const allPeers: readonly string[] = Object.keys(peers);

/** The reference, all of ours, and one of the fastest others. */
export const ourPeers: readonly string[] = [REFERENCE, ...OURS, "sse-channel"];

/** The reference, one of ours for Node and one for web streams, and one of the fastest others: for secondary rows. */
export const representatives: readonly string[] = [
  REFERENCE,
  "@holdfast/node-http",
  "@holdfast/hono",
  "sse-channel",
];
