import type { StoreHint } from "@holdfast/core";

/** So many channels of `NOTIFY` share the hints: a process gets those of a part of the streams that it has no interest in. */
const CHANNELS = 16;
/** Postgres allows less than 8,000 bytes. */
const MAX_PAYLOAD = 7_500;

/** The channel of a key. It is the same in every process. */
export function channelOf(schema: string, key: string): string {
  let hash = 0;
  for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0;
  return `${schema}_${(hash >>> 0) % CHANNELS}`;
}

/** One hint as a line: keys have no control characters. */
export function encodeHint(key: string, why: StoreHint): string {
  return `${why} ${key}`;
}

/** Lines as payloads, each of which begins with the name of the store that sends it. */
export function encodePayloads(origin: string, lines: Iterable<string>): readonly string[] {
  const payloads: string[] = [];
  let payload = origin;
  for (const line of lines) {
    if (payload !== origin && Buffer.byteLength(payload) + Buffer.byteLength(line) >= MAX_PAYLOAD) {
      payloads.push(payload);
      payload = origin;
    }
    payload += `\n${line}`;
  }
  if (payload !== origin) payloads.push(payload);
  return payloads;
}

/** The hints of a payload that another store has sent. Whatever another version sends, it means that something has changed. */
export function decodePayload(
  origin: string,
  payload: string,
): readonly { readonly key: string; readonly why: StoreHint }[] {
  const [sender, ...lines] = payload.split("\n");
  if (sender === origin) return [];
  return lines.map((line) => {
    const space = line.indexOf(" ");
    const why = line.slice(0, space);
    return { key: line.slice(space + 1), why: why === "cancel" || why === "disconnect" ? why : "changed" };
  });
}
