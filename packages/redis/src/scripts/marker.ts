import { createScript, type Script } from "./script.ts";

/*
 * Returns the marker of the data, and creates it if there is none. Its TTL is renewed, so that one that is in use is evicted
 * last; and so it needs memory: a full Redis refuses it as it refuses every write.
 *
 * KEYS: marker. ARGV: a new marker, TTL in ms.
 */
export const createMarker = (): Script =>
  createScript(
    "",
    [],
    `
local marker = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], marker, 'PX', ARGV[2])
return marker
`,
  );
