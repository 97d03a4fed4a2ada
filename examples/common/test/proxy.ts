import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Proxy {
  readonly url: string;
  /** Cuts all connections, like a network failure. */
  cutAll(): void;
}

/** A TCP proxy before a server on this machine, until the test is finished. */
export async function startProxy(serverUrl: string): Promise<Proxy> {
  const port = Number(new URL(serverUrl).port);
  const clients = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    clients.add(client);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      // `close` follows every error.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        clients.delete(client);
        client.destroy();
        server.destroy();
      });
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const cutAll = (): void => {
    for (const client of clients) client.resetAndDestroy();
  };
  onTestFinished(() => {
    proxy.close();
    cutAll();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cutAll };
}
