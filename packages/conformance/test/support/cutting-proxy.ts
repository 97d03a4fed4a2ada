import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Where to cut a connection: called with everything the server has sent over it; `undefined` does not cut. */
export type CutPosition = (received: string) => number | undefined;

export interface CuttingProxy {
  readonly port: number;
  /** The first line and the headers of each request. */
  readonly requests: readonly string[];
  /** How many connections were cut. */
  readonly cuts: number;
}

const HOST = "127.0.0.1";

/**
 * A TCP proxy between a server and its clients, until the test is finished. It cuts connections, alternately with a FIN and
 * with a RST, and replaces the time in each `retry:` by one millisecond with the same number of digits.
 */
export async function startCuttingProxy(
  serverPort: number,
  cutPosition: CutPosition = () => undefined,
): Promise<CuttingProxy> {
  const clients = new Set<Socket>();
  const requests: string[] = [];
  let cuts = 0;

  const proxy = createServer((client) => {
    clients.add(client);
    const server = connect(serverPort, HOST);
    let received = "";
    // `close` follows every error.
    for (const socket of [client, server]) socket.on("error", () => undefined);
    client.on("data", (chunk) => {
      requests.push(chunk.toString("latin1"));
      server.write(chunk);
    });
    client.on("close", () => {
      clients.delete(client);
      server.destroy();
    });
    server.on("data", (chunk) => {
      const text = chunk
        .toString("latin1")
        .replaceAll(/(?<=retry: )\d+/g, ({ length }) => "1".padStart(length, "0"));
      received += text;
      const excess = received.length - (cutPosition(received) ?? Infinity);
      if (excess < 0) return void client.write(text, "latin1");
      const reset = cuts++ % 2 === 1;
      server.destroy();
      client.write(text.slice(0, text.length - excess), "latin1", () => {
        if (reset) client.resetAndDestroy();
        else client.destroy();
      });
    });
    server.on("close", () => client.end());
  });

  proxy.listen(0, HOST);
  await once(proxy, "listening");
  onTestFinished(() => {
    proxy.close();
    for (const client of clients) client.destroy();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    requests,
    get cuts() {
      return cuts;
    },
  };
}
