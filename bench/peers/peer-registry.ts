import { createRegistry, type Source } from "@holdfast/core";
import { gzip } from "@holdfast/gzip";
import type { PeerOptions, PeerServer } from "./peer.ts";

/** The registry behind each of our adapters: one channel per path, or one stream with the history. */
export interface PeerRegistry extends Omit<PeerServer, "port"> {
  sourceOf(path: string): Source;
}

export async function createPeerRegistry({
  heartbeat,
  compression,
  history,
}: PeerOptions): Promise<PeerRegistry> {
  const registry = createRegistry({
    ...(heartbeat !== undefined && { heartbeat }),
    ...(compression === true && { compression: gzip }),
    maxConnections: 20_000,
    maxStreams: 20_000,
  });
  const channels = new Map<string, ReturnType<typeof registry.channel>>();
  const channelAt = (path: string): ReturnType<typeof registry.channel> => {
    let channel = channels.get(path);
    if (channel === undefined) channels.set(path, (channel = registry.channel(path)));
    return channel;
  };
  const publish = (path: string, data: string): void => channelAt(path).push({ data });
  if (history === undefined) return { sourceOf: channelAt, publish };

  const stream = await registry.open("history", { buffer: { events: 2 ** 15, bytes: 2 ** 23 } });
  const cursor = stream.push({ data: "seen" }) as string;
  for (const data of history) stream.push({ data });
  return { cursor, sourceOf: () => stream, publish };
}
