import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistry, type Registry, sse } from "@holdfast/node-http";
import { onTestFinished } from "vitest";

/** A real server whose streams are at `/<id>`. */
export interface StreamServer {
  readonly jobs: Registry;
  /** The ids that were asked for, with the cursor, in order. */
  readonly requests: readonly string[];
  /** How many responses are not over. */
  readonly open: number;
  readonly url: (id: string) => string;
}

export async function startStreamServer(): Promise<StreamServer> {
  const jobs = createRegistry({ retryWindow: 60_000, observer: { failed: () => undefined } });
  const requests: string[] = [];
  let open = 0;
  const server = createServer((req, res) => {
    const id = req.url?.slice(1) ?? "";
    const cursor = req.headers["last-event-id"];
    requests.push(cursor === undefined ? id : `${id} after ${String(cursor).split(".")[1]}`);
    open++;
    res.on("close", () => open--);
    if (id === "missing") res.writeHead(404).end();
    else void sse(req, res, jobs.stream(id));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await jobs.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    jobs,
    requests,
    get open() {
      return open;
    },
    url: (id) => `http://127.0.0.1:${port}/${id}`,
  };
}
