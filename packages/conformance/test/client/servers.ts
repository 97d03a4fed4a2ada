import type { ConnectionState } from "@holdfast/client";
import type { RequestListener } from "node:http";
import { beginStream, writeForever } from "./scripted-server.ts";

export interface Server {
  readonly does: string;
  /** Omitted for a server that has closed. */
  readonly answer?: RequestListener;
  /** The state in which its client waits, and for how many ms. */
  readonly waits?: readonly [status: ConnectionState["status"], ms: number];
}

const status = (code: number, headers: Record<string, string> = {}): Server => ({
  does: [code, ...Object.entries(headers).map((header) => header.join(": "))].join(", "),
  answer: (_req, res) => void res.writeHead(code, headers).end(),
});

/** The servers of the table of outcomes. */
export const SERVERS: readonly Server[] = [
  { does: "refuses the connection" },
  {
    does: "breaks off",
    answer: (_req, res) => void beginStream(res).write("data: half", () => res.destroy()),
  },
  { does: "ends in order", answer: (_req, res) => void beginStream(res).end("data: all of it\n\n") },
  {
    does: "ends in order, retry: 0",
    answer: (_req, res) => void beginStream(res).end("retry: 0\ndata: all of it\n\n"),
  },
  {
    does: "drains at once, retry: 0",
    answer: (_req, res) =>
      void beginStream(res).end('event: stream.drain\nretry: 0\ndata: {"reason":"busy"}\n\n'),
  },
  status(204),
  status(401),
  status(403),
  status(404),
  status(408),
  status(425),
  status(429, { "retry-after": "30" }),
  status(500),
  status(503),
  {
    does: "301 to a good stream",
    answer({ url }, res) {
      if (url !== "/good") res.writeHead(301, { location: "/good" }).end();
      else beginStream(res).end("id: 0123456789.1\ndata: well\n\nid: 0123456789.2.end\n\n");
    },
  },
  status(200, { "content-type": "text/html" }),
  { does: "an endless line", answer: (_req, res) => writeForever(beginStream(res), "a".repeat(1_000)) },
  { does: "silence", answer: (_req, res) => void beginStream(res), waits: ["open", 45_000] },
  { does: "no answer", answer: () => undefined, waits: ["connecting", 30_000] },
];

const stream = (does: string, text: string): Server => ({
  does,
  answer: (_req, res) => void beginStream(res).end(text),
});

/** A server that answers each request with another text. */
function inTurn(does: string, text: (request: number) => string): Server {
  let requests = 0;
  return { does, answer: (_req, res) => void beginStream(res).end(text(++requests)) };
}

/** Servers that make a client ask too often, or that never let it go. */
export const ADVERSARIES: readonly Server[] = [
  stream("accepts and closes", ""),
  stream("a `retry:` of three thousand years", "retry: 99999999999\n\n"),
  stream("a `retry:` of 10 ms", "retry: 10\ndata: all of it\n\n"),
  stream("an id that is none of ours", "id: 17\ndata: all of it\n\n"),
  stream("the same event of ours each time", "id: k3v9x0q2ma.1\ndata: all of it\n\n"),
  inTurn("another event of ours each time", (request) => `id: k3v9x0q2ma.${request}\ndata: more of it\n\n`),
  inTurn(
    "a new life of ours each time",
    (request) => `id: ${String(request).padStart(10, "0")}.1\ndata: all of it\n\n`,
  ),
  stream("an event named `error`", "event: error\ndata: \n\n"),
  stream("drains at once", 'event: stream.drain\ndata: {"reason":"busy"}\n\n'),
  stream("an error, retry: 0", 'event: stream.error\nretry: 0\ndata: {"code":"SOURCE_FAILED"}\n\n'),
  {
    does: "breaks off at once",
    answer: (_req, res) => void beginStream(res).write(":", () => res.destroy()),
  },
  { does: "breaks off before the head", answer: ({ socket }) => socket.destroy() },
  {
    does: "redirects in a circle",
    answer: (_req, res) => void res.writeHead(302, { location: "/stream" }).end(),
  },
  status(503, { "retry-after": "0" }),
  status(200, { "content-type": "text/event-stream-not" }),
  {
    does: "comments without end",
    waits: ["open", Infinity],
    answer(_req, res) {
      const timer = setImmediate(() => beginStream(res).write(":\n\n".repeat(1_000)));
      res.on("close", () => clearImmediate(timer));
    },
  },
];
