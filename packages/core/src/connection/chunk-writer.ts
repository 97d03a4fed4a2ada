// Tested by packages/node-http/test/chunk-writer.test.ts, and packages/hono/test/node-fast-path.test.ts.

/*
 * The fast path for HTTP/1.1 on Node. `res.write` encodes a chunk with three writes to the socket, which it corks until
 * the next tick, and does so for each client. Here a chunk is encoded once for all clients that get the same bytes, and is
 * written to the socket at once (RFC 9112, section 7.1). The fast path is taken only if nothing has replaced or wrapped
 * `write` of the response, and nothing of the response is still buffered before the socket. Otherwise `res.write` is
 * used. An adapter may run elsewhere too, so Node's modules are not imported: on other runtimes there is no fast path.
 */

/** A socket of `node:net`, as far as chunks are written to it. */
export interface ChunkSocket {
  readonly writableLength: number;
  write(chunk: Uint8Array): boolean;
  once(event: "drain", listener: () => void): unknown;
}

/** A response of `node:http`, or what stands in its place. */
export interface ChunkedResponse {
  readonly chunkedEncoding?: boolean;
  readonly socket?: object | null | undefined;
  readonly writableLength?: number;
  readonly write: unknown;
}

interface NodeModules {
  readonly "node:http": { readonly ServerResponse: { readonly prototype: object } };
  readonly "node:net": { readonly Socket: abstract new () => object };
}

const { process, Buffer } = globalThis as {
  process?: {
    getBuiltinModule?: <Name extends keyof NodeModules>(name: Name) => NodeModules[Name] | undefined;
  };
  Buffer?: { allocUnsafe(size: number): Uint8Array };
};
const Socket = process?.getBuiltinModule?.("node:net")?.Socket;
const ServerResponse = process?.getBuiltinModule?.("node:http")?.ServerResponse;
const NODE_WRITE: unknown = ServerResponse && Reflect.get(ServerResponse.prototype, "write");

/** Above this size, copying costs more than it saves: a page of a replay is written without a copy. */
const MAX_COPY_BYTES = 32_768;

const CR = 13;
const LF = 10;

/** The bytes that were encoded last, and their chunk: in one turn, all clients of a stream get the same bytes. */
let lastBytes: Uint8Array = new Uint8Array();
let lastChunk: Uint8Array = new Uint8Array();

function encodeChunk(bytes: Uint8Array): Uint8Array {
  if (bytes === lastBytes) return lastChunk;
  const size = bytes.length.toString(16);
  const end = size.length + 2 + bytes.length;
  const chunk = Buffer?.allocUnsafe(end + 2) ?? new Uint8Array(end + 2);
  // Byte by byte: a native call for each of the small parts takes longer than all of them.
  for (let at = 0; at < size.length; at++) chunk[at] = size.charCodeAt(at);
  chunk[size.length] = chunk[end] = CR;
  chunk[size.length + 1] = chunk[end + 1] = LF;
  chunk.set(bytes, size.length + 2);
  lastChunk = chunk;
  lastBytes = bytes;
  return chunk;
}

/** The socket, if these bytes may be written to it directly; otherwise `undefined`. */
export function fastPathSocket(res: ChunkedResponse, bytes: Uint8Array): ChunkSocket | undefined {
  if (bytes.length > MAX_COPY_BYTES || Socket === undefined) return undefined;
  const { chunkedEncoding, socket } = res;
  // Compression and similar middleware replace `write` of the response.
  const isUnwrapped = chunkedEncoding && res.write === NODE_WRITE && socket instanceof Socket;
  if (!isUnwrapped) return undefined;
  const { writableLength } = socket as ChunkSocket;
  return res.writableLength === writableLength ? (socket as ChunkSocket) : undefined;
}

/** Writes a chunk. Returns false when the caller must wait for the `drain` of the socket. */
export function writeChunk(socket: ChunkSocket, bytes: Uint8Array): boolean {
  return socket.write(encodeChunk(bytes));
}
