import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy on this machine that can stop passing bytes on. */
export interface TcpProxy {
  readonly port: number;
  /** Passes nothing on until `resume`: connections stay open, and new ones are accepted. */
  stall(): void;
  resume(): void;
  close(): void;
}

/** @param change what the server sends becomes this */
export async function startProxy(
  target: number,
  change: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isStalled = false;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes: Buffer) => to.write(from === upstream ? change(bytes) : bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (isStalled) from.pause();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    stall() {
      isStalled = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      isStalled = false;
      for (const socket of sockets) socket.resume();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
