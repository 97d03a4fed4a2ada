import { REFERENCE } from "../peers/index.ts";

/** The reference, and ours on Node. */
export const scalePeers: readonly string[] = [REFERENCE, "@holdfast/node-http", "@holdfast/hono"];
