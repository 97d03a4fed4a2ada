import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { ClientRequest } from "../clients/client.ts";
import { type Http1Client, sendHttp1 } from "../clients/http1.ts";
import type { Listening } from "./adapter.ts";

interface Bound {
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  readonly close: () => Promise<void>;
}

/** Listens on a free port, and keeps what closing takes. */
export async function bind(server: Server): Promise<Bound> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Serves clients of HTTP/1.1. */
export async function listenHttp1(server: Server): Promise<Listening> {
  const { port, sockets, close } = await bind(server);
  return {
    port,
    send: (request: ClientRequest) => sendHttp1(port, request),
    clients: () => sockets.size,
    outbox(client) {
      const socket = [...sockets].find(({ remotePort }) => remotePort === (client as Http1Client).port);
      return { bytes: socket?.writableLength ?? 0, full: socket?.writableNeedDrain ?? false };
    },
    close,
  };
}
