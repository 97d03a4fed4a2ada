import { connect, type Socket } from "node:net";

export interface Target {
  readonly port: number;
  readonly path: string;
  readonly lastEventId?: string | undefined;
}

// Every socket reads into the same memory: a chunk is looked at before the next one comes.
const memory = Buffer.allocUnsafe(65_536);

/** How long an answer may take to begin, in ms. */
const PATIENCE = 30_000;

/**
 * A client that parses nothing, so that it costs less than what it measures.
 *
 * @returns once the head of the answer has come
 * @throws when it is not a 200
 */
export async function openClient(target: Target, onChunk: (chunk: Buffer) => void): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  let begun = false;
  const socket: Socket = connect({
    host: "127.0.0.1",
    port: target.port,
    onread: {
      buffer: memory,
      callback(length) {
        const chunk = memory.subarray(0, length);
        if (!begun) {
          begun = true;
          socket.setTimeout(0);
          if (chunk.toString("latin1", 9, 12) === "200") resolve(socket);
          else reject(new Error(`answered with ${chunk.toString("latin1", 0, 40)}`));
        }
        onChunk(chunk);
        return true;
      },
    },
  });
  // A server that is stopped cuts its clients: nobody waits for them any more.
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed without an answer")));
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.write(requestFor(target));
  return promise;
}

/** A client that asks, and never reads. */
export function openStalledClient(target: Target): Socket {
  const socket = connect({ host: "127.0.0.1", port: target.port }).pause();
  socket.on("error", () => socket.destroy());
  socket.write(requestFor(target));
  return socket;
}

function requestFor({ path, lastEventId }: Target): string {
  const cursor = lastEventId === undefined ? "" : `Last-Event-ID: ${lastEventId}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${cursor}\r\n`;
}
