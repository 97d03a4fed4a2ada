import type { Peer } from "./peer.ts";
import { hasNchan, hasRedis } from "./installed-programs.ts";

/** The peer that every ratio compares with. */
export const REFERENCE = "res.write";
export const NCHAN = "nginx + Nchan";
export const RESUMABLE = "resumable-stream + Redis";

/** Each peer is imported only in the process that runs it. */
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

/** Servers for W11, which answer each request at once. The first one is the reference. */
export const refusals: Readonly<Record<string, () => Promise<Peer>>> = {
  "res.end": async () => (await import("./refusing.ts")).plain,
  "res.end, headers": async () => (await import("./refusing.ts")).plainWithHeaders,
  "node-http, 503": async () => (await import("./refusing.ts")).refused(),
  "node-http, drained": async () => (await import("./refusing.ts")).drained(),
  "express, res.send": async () => (await import("./refusing.ts")).plainExpress,
  "express, drained": async () => (await import("./refusing.ts")).drainedExpress(),
  "hono, c.text": async () => (await import("./refusing.ts")).plainHono,
  "hono, c.body, headers": async () => (await import("./refusing.ts")).plainHonoWithHeaders,
  "hono, drained": async () => (await import("./refusing.ts")).drainedHono(),
};

export const TEN_MEMBERS = "10 members";
export const TEN_CONNECTIONS = "10 connections";

/**
 * Servers for W12: one stream per connection, which is the reference, and several on one; and what those cost with a
 * connection for each.
 */
export const multiplexed: Readonly<Record<string, () => Promise<Peer>>> = {
  "1 stream": async () => (await import("./multiplexed.ts")).multiplexed(),
  "1 member": async () => (await import("./multiplexed.ts")).multiplexed(1),
  [TEN_MEMBERS]: async () => (await import("./multiplexed.ts")).multiplexed(10),
  [TEN_CONNECTIONS]: async () => (await import("./multiplexed.ts")).multiplexed(),
};

export const OURS: readonly string[] = Object.keys(peers).filter((name) => name.includes("holdfast"));

/** How peers are set up, where that matters for reading the figures. */
export const notes: Readonly<Record<string, string>> = {
  "better-sse":
    "one event buffer shared by all sessions instead of `broadcast`, which encodes once per session",
  [NCHAN]:
    "CPU of its worker process only; the publisher runs on the same core, which shows in the latencies of W2",
  [RESUMABLE]: "every client has resumed once and reads through Redis; the CPU of Redis is not counted",
  "resumable-stream":
    "Pub/Sub alone: nothing is stored, and what is lost stays lost; served by node:http, with the client node-redis, as holdfast is",
  "holdfast toResponse": "a plain fetch handler behind @hono/node-server",
};
