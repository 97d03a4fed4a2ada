import type { Socket } from "node:net";

/** The handle of a socket, at which Node looks too before it takes a slow write for a stalled one. */
interface Handle {
  readonly bytesWritten?: number;
  /** What the kernel has not taken yet. */
  readonly writeQueueSize?: number;
  /** Under TLS, the handle of the connection itself: what TLS has encrypted counts as written. */
  readonly _parent?: Handle;
}

/** How many bytes of a socket the kernel has taken, also of a write that is not complete. */
export function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as { readonly _handle?: Handle | null };
  const { bytesWritten, writeQueueSize } = handle?._parent ?? handle ?? {};
  if (bytesWritten === undefined || writeQueueSize === undefined) {
    // Of other kinds of sockets only whole writes are known.
    return ((socket as Partial<Socket>).bytesWritten ?? 0) - socket.writableLength;
  }
  return bytesWritten - writeQueueSize;
}
