import { hasNchan } from "./nchan.ts";
import type { Peer } from "./peer.ts";

/** What every ratio is to. */
export const REFERENCE = "res.write";

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
  ...(hasNchan && { "nginx + Nchan": async () => (await import("./nchan.ts")).peer }),
  "@holdfast/node-http": async () => (await import("./holdfast-node-http.ts")).peer,
  "@holdfast/express": async () => (await import("./holdfast-express.ts")).peer,
  "@holdfast/hono": async () => (await import("./holdfast-hono.ts")).peer,
  "holdfast toResponse": async () => (await import("./holdfast-to-response.ts")).peer,
};

export const OURS: readonly string[] = Object.keys(peers).filter((name) => name.includes("holdfast"));

/** What is left out here, and what would bring it. */
export const missingServers: readonly string[] = hasNchan
  ? []
  : ["Left out: nginx + Nchan, which Debian has as nginx-light and libnginx-mod-nchan."];
