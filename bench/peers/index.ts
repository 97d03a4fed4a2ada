import type { Peer } from "./peer.ts";
import { hasNchan, hasRedis } from "./servers.ts";

/** What every ratio is to. */
export const REFERENCE = "res.write";
export const NCHAN = "nginx + Nchan";
export const RESUMABLE = "resumable-stream + Redis";

/** Each is loaded only in the process that serves it. */
export const peers: Readonly<Record<string, () => Promise<Peer>>> = {
  [REFERENCE]: async () => (await import("./res-write.ts")).peer,
  "raw socket": async () => (await import("./raw-socket.ts")).peer,
  "sse-channel": async () => (await import("./sse-channel.ts")).peer,
  "better-sse": async () => (await import("./better-sse.ts")).peer,
  "@fastify/sse": async () => (await import("./fastify.ts")).peer,
  "express by hand": async () => (await import("./express.ts")).peer,
  "hono ReadableStream": async () => (await import("./hono-readable.ts")).peer,
  "hono streamSSE": async () => (await import("./hono-stream-sse.ts")).peer,
  "h3 EventStream": async () => (await import("./h3.ts")).peer,
  ...(hasNchan && { [NCHAN]: async () => (await import("./nchan.ts")).peer }),
  ...(hasRedis && { [RESUMABLE]: async () => (await import("./resumable-stream.ts")).peer }),
  "@holdfast/node-http": async () => (await import("./holdfast-node-http.ts")).peer,
  "@holdfast/express": async () => (await import("./holdfast-express.ts")).peer,
  "@holdfast/hono": async () => (await import("./holdfast-hono.ts")).peer,
  "holdfast toResponse": async () => (await import("./holdfast-to-response.ts")).peer,
};

export const OURS: readonly string[] = Object.keys(peers).filter((name) => name.includes("holdfast"));

/** What a reader should know of how they are set up. */
export const notes: Readonly<Record<string, string>> = {
  "better-sse": "one event buffer for all instead of `broadcast`, which encodes for each",
  [NCHAN]: "CPU of its worker alone; who publishes to it shares its core, which is to be seen in W2's times",
  [RESUMABLE]: "everybody has come back once, and is fed through Redis; Redis's own CPU is not counted",
  "resumable-stream": "served by Hono, as in W2; ours in the same row by node:http; both through node-redis",
  "holdfast toResponse": "behind @hono/node-server, as a plain fetch handler",
};
