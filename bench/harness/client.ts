import { connect, type Socket } from "node:net";

export interface Target {
  readonly port: number;
  readonly path: string;
  readonly lastEventId?: string | undefined;
  readonly acceptsGzip?: boolean;
}

// All sockets read into one buffer: each chunk is processed before the next one is read.
const readBuffer = Buffer.allocUnsafe(65_536);

/** How long a response may take to begin. */
const RESPONSE_TIMEOUT_MS = 30_000;

/**
 * Opens a client that does not parse the stream, so that it costs less than the server that it measures.
 *
 * @returns a promise that resolves when the response head has arrived
 * @throws when the status is not 200
 */
export async function openClient(target: Target, onChunk: (chunk: Buffer) => void): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  let started = false;
  const socket: Socket = connect({
    host: "127.0.0.1",
    port: target.port,
    onread: {
      buffer: readBuffer,
      callback(length) {
        const chunk = readBuffer.subarray(0, length);
        if (!started) {
          started = true;
          socket.setTimeout(0);
          if (chunk.toString("latin1", 9, 12) === "200") resolve(socket);
          else reject(new Error(`unexpected response: ${chunk.toString("latin1", 0, 40)}`));
        }
        onChunk(chunk);
        return true;
      },
    },
  });
  // When a server is stopped, its clients fail after their promises have settled; that is expected.
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed without a response")));
  socket.setTimeout(RESPONSE_TIMEOUT_MS, () => socket.destroy());
  socket.write(requestFor(target));
  return promise;
}

/** Opens a client that sends its request and then never reads. */
export function openStalledClient(target: Target): Socket {
  const socket = connect({ host: "127.0.0.1", port: target.port }).pause();
  socket.on("error", () => socket.destroy());
  socket.write(requestFor(target));
  return socket;
}

/** Sends a request on a connection of its own. Resolves when the server has answered, and closed the connection. */
export async function readAnswer(target: Target): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let length = 0;
  const callback = (chunk: number): true => {
    length += chunk;
    return true;
  };
  const socket = connect({
    host: "127.0.0.1",
    port: target.port,
    onread: { buffer: readBuffer, callback },
  });
  socket.on("error", reject);
  socket.on("close", () => (length > 0 ? resolve() : reject(new Error("closed without a response"))));
  socket.setTimeout(RESPONSE_TIMEOUT_MS, () => socket.destroy());
  socket.write(requestFor(target, "Connection: close\r\n"));
  return promise;
}

function requestFor({ path, lastEventId, acceptsGzip }: Target, header = ""): string {
  const encoding = acceptsGzip === true ? "Accept-Encoding: gzip\r\n" : "";
  const cursor = lastEventId === undefined ? "" : `Last-Event-ID: ${lastEventId}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${header}${encoding}${cursor}\r\n`;
}
