import { createRegistry, type Source } from "@holdfast/core";
import type { PeerOptions, Serving } from "./peer.ts";

/** A registry for our adapters: a channel for each path, or the stream that holds the history. */
export interface House extends Omit<Serving, "port"> {
  sourceOf(path: string): Source;
}

export async function createHouse({ heartbeat, history }: PeerOptions): Promise<House> {
  const registry = createRegistry({
    ...(heartbeat !== undefined && { heartbeat }),
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

  const past = await registry.open("history", { buffer: { events: 2 ** 15, bytes: 2 ** 23 } });
  const cursor = past.push({ data: "seen" });
  for (const data of history) past.push({ data });
  return { cursor, sourceOf: () => past, publish };
}
