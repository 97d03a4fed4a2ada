import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { type NodeRequest, type NodeResponse, sse } from "@holdfast/node-http";
import { type Http2Client, sendHttp2 } from "../clients/http2.ts";
import { type Adapter, type Handle, refusalOf } from "./adapter.ts";
import { bind, listenHttp1 } from "./listen.ts";

export const nodeHttp1: Adapter = {
  name: "node-http on HTTP/1.1",
  leavings: ["cut", "reset", "halfClose"],
  signalled: ["cut", "reset", "halfClose"],
  ownHeaders: ["connection", "date", "keep-alive", "transfer-encoding"],
  reuses: true,
  earlierHeaders: true,
  listen: (handle, earlier) =>
    listenHttp1(createHttp1Server((req, res) => void answer(req, res, handle, earlier))),
};

export const nodeHttp2: Adapter = {
  name: "node-http on HTTP/2",
  leavings: ["cut", "reset"],
  signalled: ["cut", "reset"],
  ownHeaders: ["date"],
  reuses: true,
  earlierHeaders: true,
  async listen(handle, earlier) {
    const server = createHttp2Server((req, res) => void answer(req, res, handle, earlier));
    const streams = new Set<ServerHttp2Stream>();
    server.on("stream", (stream) => {
      streams.add(stream);
      stream.once("close", () => streams.delete(stream));
    });
    const { port, close } = await bind(server);
    return {
      port: 0,
      send: (request) => sendHttp2(port, request),
      clients: () => streams.size,
      outbox(client) {
        const theirs = (stream: ServerHttp2Stream): boolean =>
          stream.session?.socket.remotePort === (client as Http2Client).port;
        const stream = [...streams].find(theirs);
        return { bytes: stream?.writableLength ?? 0, full: stream?.writableNeedDrain ?? false };
      },
      close,
    };
  },
};

async function answer(
  req: NodeRequest,
  res: NodeResponse,
  handle: Handle,
  earlier: readonly (readonly [name: string, value: string])[],
): Promise<void> {
  for (const [name, value] of earlier) res.appendHeader(name, value);
  try {
    const body = req.method === "POST" ? await text(req) : "";
    await handle({ body, sse: (source, options) => sse(req, res, source, options) });
  } catch (error) {
    res.statusCode = 500;
    res.end(refusalOf(error));
  }
}
