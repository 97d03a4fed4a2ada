import { HoldfastError } from "@holdfast/core";
import { isStreamId } from "@holdfast/core/internal";

/** Where Redis keeps what belongs to one id. The braces are its hash tag: a cluster keeps all of it on one node. */
export interface Keys {
  /** A hash: all that is known of it, but for the frames. */
  readonly meta: string;
  /** A stream: the frames. */
  readonly frames: string;
}

/** What could end the hash tag, is the sign of an escape, or is no text and would be the same key as another one. */
const UNSAFE = /[{}%]|\p{Surrogate}/gu;

/** The part of every name that stands for the id: no two ids have the same. */
function tagOf(id: string): string {
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
  const base = `${prefix}{${tagOf(id)}}`;
  return { meta: `${base}:m`, frames: `${base}:s` };
}

/** Which batch of a producer came last to a channel. */
export function batchKey(prefix: string, id: string, producer: string): string {
  return `${prefix}{${tagOf(id)}}:b:${producer}`;
}

/** Where hints about an id are published: as the scripts make it out of the key of the meta. */
export function channelOf(prefix: string, id: string): string {
  return `${prefix}{${tagOf(id)}}:c`;
}
