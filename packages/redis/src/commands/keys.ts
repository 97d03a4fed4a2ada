import { keyOf } from "@holdfast/core/store-kit";

/** The keys of one id. The braces in them are the hash tag: a cluster keeps the keys of one id on one node. */
export interface Keys {
  /** A hash with everything but the frames. */
  readonly meta: string;
  /** A Redis stream with the frames. */
  readonly frames: string;
}

export function keysOf(prefix: string, id: string): Keys {
  const base = `${prefix}{${keyOf(id)}}`;
  return { meta: `${base}:m`, frames: `${base}:s` };
}

/** The key of the number of the last batch that a producer has appended to a channel. */
export function batchKey(prefix: string, id: string, producer: string): string {
  return `${prefix}{${keyOf(id)}}:b:${producer}`;
}

/** The key of the marker of all data. It has no hash tag, so that no id has this key. */
export function markerKey(prefix: string): string {
  return `${prefix}marker`;
}

/** The Pub/Sub channel for hints about an id. The scripts derive the same name from the key of the meta. */
export function channelOf(prefix: string, id: string): string {
  return `${prefix}{${keyOf(id)}}:c`;
}
