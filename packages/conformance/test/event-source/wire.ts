import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** How a wire cuts a connection: told of all that has come over it from the server, at which byte, if at any. */
export type Cut = (come: string) => number | undefined;

export interface Wire {
  readonly port: number;
  /** The requests that went over it, as their first line and headers. */
  readonly requests: readonly string[];
  /** How many connections were cut. */
  readonly cuts: number;
}

const HOST = "127.0.0.1";

/**
 * A network between a server and its clients, until the test is finished. It cuts connections, with a FIN and with a
 * RST by turns, and it makes clients impatient: each `retry:` comes out as one millisecond, in as many digits.
 */
export async function layWire(to: number, cut: Cut = () => undefined): Promise<Wire> {
  const clients = new Set<Socket>();
  const requests: string[] = [];
  let cuts = 0;

  const server = createServer((client) => {
    clients.add(client);
    const origin = connect(to, HOST);
    let come = "";
    // What went wrong is told by `close`.
    for (const end of [client, origin]) end.on("error", () => undefined);
    client.on("data", (chunk) => {
      requests.push(chunk.toString("latin1"));
      origin.write(chunk);
    });
    client.on("close", () => {
      clients.delete(client);
      origin.destroy();
    });
    origin.on("data", (chunk) => {
      const text = chunk
        .toString("latin1")
        .replaceAll(/(?<=retry: )\d+/g, ({ length }) => "1".padStart(length, "0"));
      come += text;
      const past = come.length - (cut(come) ?? Infinity);
      if (past < 0) return void client.write(text, "latin1");
      const reset = cuts++ % 2 === 1;
      origin.destroy();
      client.write(text.slice(0, text.length - past), "latin1", () => {
        if (reset) client.resetAndDestroy();
        else client.destroy();
      });
    });
    origin.on("close", () => client.end());
  });

  server.listen(0, HOST);
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const client of clients) client.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get cuts() {
      return cuts;
    },
  };
}
