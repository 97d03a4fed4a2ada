import { ServerResponse } from "node:http";
import { Socket } from "node:net";

/*
 * The fast path of HTTP/1.1. `res.write` frames a chunk in three writes, corks the socket for them and lets go of it in
 * the next tick, for each client anew. Here a chunk is framed once for all clients that are given the same bytes, and
 * is written to the socket at once (RFC 9112, 7.1). Whenever the response is not plainly Node's own, with nothing of
 * it on the way to the socket, `res.write` does as it always does.
 */

const NODES_WRITE: unknown = Reflect.get(ServerResponse.prototype, "write");
/** Beyond so many bytes a copy costs more than it saves: a replay is written as the view that it is. */
const LARGEST_COPY = 32_768;

/** What was framed last: in one turn the clients of a stream are given the same bytes. */
let framed = new Uint8Array();
let chunk = Buffer.alloc(0);

function chunkOf(bytes: Uint8Array): Buffer {
  if (bytes === framed) return chunk;
  const size = `${bytes.length.toString(16)}\r\n`;
  const end = size.length + bytes.length;
  chunk = Buffer.allocUnsafe(end + 2);
  chunk.write(size, "latin1");
  chunk.set(bytes, size.length);
  chunk.write("\r\n", end, "latin1");
  framed = bytes as Uint8Array<ArrayBuffer>;
  return chunk;
}

/** The socket that these bytes may be written to, past `res.write`: the status is out, and nothing waits before them. */
export function plainSocket(res: ServerResponse, bytes: Uint8Array): Socket | undefined {
  if (bytes.length > LARGEST_COPY) return undefined;
  const { chunkedEncoding, socket } = res;
  // Compression and the like put a `write` of their own in the place of Node's.
  const isPlain = chunkedEncoding && res.write === NODES_WRITE && socket instanceof Socket;
  return isPlain && res.writableLength === socket.writableLength ? socket : undefined;
}

/** Writes a chunk; false: not before `drained`. */
export function writeChunk(socket: Socket, bytes: Uint8Array, drained: () => void): boolean {
  const taken = socket.write(chunkOf(bytes));
  if (!taken) socket.once("drain", drained);
  return taken;
}
