import { HoldfastError } from "@holdfast/core";
import { isStreamId } from "@holdfast/core/internal";

/** The keys of one id. The braces in them are the hash tag: a cluster keeps the keys of one id on one node. */
export interface Keys {
  /** A hash with everything but the frames. */
  readonly meta: string;
  /** A Redis stream with the frames. */
  readonly frames: string;
}

/** Braces would end the hash tag, `%` starts an escape, and all lone surrogates have the same bytes in UTF-8. */
const UNSAFE = /[{}%]|\p{Surrogate}/gu;

/** Escapes the id for use in a hash tag. Different ids have different tags. */
function hashTag(id: string): string {
  if (!isStreamId(id)) {
    throw new HoldfastError(
      "INVALID_OPTION",
      "`id` must be a string of 1 to 256 characters, none of them a control character.",
      { expose: false },
    );
  }
  return id.replace(UNSAFE, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

export function keysOf(prefix: string, id: string): Keys {
  const base = `${prefix}{${hashTag(id)}}`;
  return { meta: `${base}:m`, frames: `${base}:s` };
}

/** The key of the number of the last batch that a producer has appended to a channel. */
export function batchKey(prefix: string, id: string, producer: string): string {
  return `${prefix}{${hashTag(id)}}:b:${producer}`;
}

/** The key of the marker of all data. It has no hash tag, so that no id has this key. */
export function markerKey(prefix: string): string {
  return `${prefix}marker`;
}

/** The Pub/Sub channel for hints about an id. The scripts derive the same name from the key of the meta. */
export function channelOf(prefix: string, id: string): string {
  return `${prefix}{${hashTag(id)}}:c`;
}
