import { ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { SinkEvents } from "@holdfast/core";

/*
 * The fast path for HTTP/1.1. `res.write` encodes a chunk with three writes to the socket, which it corks until the
 * next tick, and does so for each client. Here a chunk is encoded once for all clients that get the same bytes, and
 * is written to the socket at once (RFC 9112, section 7.1). The fast path is taken only if nothing has replaced or
 * wrapped `write` of the response, and nothing of the response is still buffered before the socket. Otherwise
 * `res.write` is used.
 */

const NODE_WRITE: unknown = Reflect.get(ServerResponse.prototype, "write");
/** Above this size, copying costs more than it saves: a page of a replay is written without a copy. */
const MAX_COPY_BYTES = 32_768;

const CR = 13;
const LF = 10;

/** The bytes that were encoded last, and their chunk: in one turn, all clients of a stream get the same bytes. */
let lastBytes = new Uint8Array();
let lastChunk = Buffer.alloc(0);

function encodeChunk(bytes: Uint8Array): Buffer {
  if (bytes === lastBytes) return lastChunk;
  const size = bytes.length.toString(16);
  const end = size.length + 2 + bytes.length;
  const chunk = Buffer.allocUnsafe(end + 2);
  // Byte by byte: a native call for each of the small parts takes longer than all of them.
  for (let at = 0; at < size.length; at++) chunk[at] = size.charCodeAt(at);
  chunk[size.length] = chunk[end] = CR;
  chunk[size.length + 1] = chunk[end + 1] = LF;
  chunk.set(bytes, size.length + 2);
  lastChunk = chunk;
  lastBytes = bytes as Uint8Array<ArrayBuffer>;
  return chunk;
}

/** The socket, if these bytes may be written to it directly; otherwise `undefined`. */
export function fastPathSocket(res: ServerResponse, bytes: Uint8Array): Socket | undefined {
  if (bytes.length > MAX_COPY_BYTES) return undefined;
  const { chunkedEncoding, socket } = res;
  // Compression and similar middleware replace `write` of the response.
  const isUnwrapped = chunkedEncoding && res.write === NODE_WRITE && socket instanceof Socket;
  return isUnwrapped && res.writableLength === socket.writableLength ? socket : undefined;
}

/** Writes a chunk. Returns false when the caller must wait for `drained`. */
export function writeChunk(socket: Socket, bytes: Uint8Array, events: SinkEvents): boolean {
  const canWriteMore = socket.write(encodeChunk(bytes));
  if (!canWriteMore) socket.once("drain", () => events.drained());
  return canWriteMore;
}
