import { type ClientRequest, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { createServer as createHttp2Server } from "node:http2";
import { adapterSuite, type AdapterUnderTest, listen } from "@holdfast/conformance";
import { serve } from "@holdfast/core";
import { type NodeExchange, type OpenSink, type Sink, toExchange } from "@holdfast/node-http";
import { describe, expect, test } from "vitest";
import { http2 } from "../support/capabilities.ts";

/** What a bad adapter does with a request and its response before a good one gets them. */
type Spoil = (res: ServerResponse, req: IncomingMessage) => void;
/** What it makes of what a good one gives to core. */
type Distort = (exchange: NodeExchange, res: ServerResponse, req: IncomingMessage) => NodeExchange;

interface Fault {
  readonly name: string;
  readonly spoil?: Spoil;
  readonly distort?: Distort;
  /** What it makes of the promise of a good one. */
  readonly settle?: (served: Promise<void>, res: ServerResponse) => Promise<void>;
  /** The tests that name it. */
  readonly found: readonly string[];
}

type Write = (chunk: Uint8Array) => boolean;
const writeOf = (res: ServerResponse): Write => res.write.bind(res);
const writes = (res: ServerResponse, write: Write): void =>
  void (res.write = write as ServerResponse["write"]);
const asText = (chunk: Uint8Array): string => Buffer.from(chunk).toString();

type Events = Parameters<OpenSink>[2];
const opens =
  (open: (good: OpenSink, res: ServerResponse, req: IncomingMessage) => OpenSink): Distort =>
  (exchange, res, req) => ({ ...exchange, open: open(exchange.open, res, req) });
const gives = (change: (good: Sink, res: ServerResponse, req: IncomingMessage) => Partial<Sink>): Distort =>
  opens((open, res, req) => (...begin) => {
    const good = open(...begin);
    return { ...good, ...change(good, res, req) };
  });
const reads =
  (read: (cursor: string | undefined, req: IncomingMessage) => string | undefined): Distort =>
  ({ request, open }, _res, req) => ({ request: { ...request, cursor: read(request.cursor, req) }, open });
const queryOf = ({ url }: IncomingMessage): string => new URL(url ?? "", "http://127.0.0.1").search;

const deaf = (res: ServerResponse): void => {
  const emit = res.emit.bind(res);
  res.emit = (event: string, ...args: unknown[]) =>
    (event === "close" && !res.writableFinished) || emit(event, ...args);
};
const used = new WeakSet<object>();

const faults: readonly Fault[] = [
  {
    name: "ignores backpressure",
    spoil(res) {
      const write = writeOf(res);
      writes(res, (chunk) => (write(chunk), true));
    },
    found: [
      "feels backpressure > a bare generator is not pulled while its client takes nothing",
      "feels backpressure > a client that stalls costs a cursor, and is told exactly what it missed",
      "has a sink that > says hold when the client takes no more, and drained when it does",
    ],
  },
  {
    name: "has a queue of its own",
    distort: gives((good, res) => ({
      write: (bytes) => good.write(bytes) || (!res.destroyed && res.writableLength < 8 << 20),
    })),
    found: ["has a sink that > keeps no queue of its own for a client that reads nothing"],
  },
  {
    name: "never says that it has drained",
    spoil(res) {
      const emit = res.emit.bind(res);
      res.emit = (event: string, ...args: unknown[]) => event === "drain" || emit(event, ...args);
    },
    found: [
      "has a sink that > says hold when the client takes no more, and drained when it does",
      "feels backpressure > a slow client gets everything that is held",
    ],
  },
  {
    name: "leaks on abort",
    spoil: deaf,
    found: [
      "sees its client leave > while nothing happens: it closes the connection",
      "sees its client leave > while nothing happens: it resets",
      "sees its client leave > while nothing happens: it closes its half",
      "sees its client leave > while its stream is looked up: it closes the connection",
      "lets a bare source go > a quiet generator: it closes the connection",
      "lets a bare source go > a function whose set-up is awaited: it closes the connection",
      "has a sink that > is over once when its client leaves: it resets",
    ],
  },
  {
    name: "holds headers back until something more comes",
    spoil(res) {
      const write = writeOf(res);
      const kept: Uint8Array[] = [];
      writes(res, (chunk) => {
        kept.push(chunk);
        return kept.length === 1 || kept.splice(0).every(write);
      });
    },
    found: [
      "begins, before any event exists, > for a client that waits for its stream",
      "begins, before any event exists, > for a bare source that says nothing: quiet",
    ],
  },
  {
    name: "writes twice",
    spoil(res) {
      const write = writeOf(res);
      writes(res, (chunk) => (write(chunk), write(chunk)));
    },
    found: ["delivers > events as they are pushed, one by one and in a burst"],
  },
  {
    name: "writes some time later",
    spoil(res) {
      const write = writeOf(res);
      const kept: Uint8Array[] = [];
      let size = 0;
      writes(res, (chunk) => {
        kept.push(chunk);
        size += chunk.length;
        return size < 1_024 || kept.splice(0).every(write);
      });
    },
    found: ["delivers > events as they are pushed, one by one and in a burst"],
  },
  {
    name: "changes the memory that it was given",
    spoil(res) {
      const write = writeOf(res);
      writes(res, (chunk) => {
        const taken = write(chunk.slice());
        chunk.fill(0);
        return taken;
      });
    },
    found: ["has a sink that > leaves the memory that it is given as it is"],
  },
  {
    name: "leaves out heartbeats",
    spoil(res) {
      const write = writeOf(res);
      writes(res, (chunk) => asText(chunk) === ":\n\n" || write(chunk));
    },
    found: ["sends heartbeats > on an idle stream", "sends heartbeats > on a quiet bare source"],
  },
  {
    name: "cuts instead of ending",
    spoil(res) {
      res.end = () => res.destroy();
    },
    found: ["has a sink that > is over once: closed", "ends a stream > for a client that was there"],
  },
  {
    name: "ends instead of cutting",
    spoil(res) {
      res.destroy = () => res.end();
    },
    found: [
      "has a sink that > is over once: destroyed",
      "feels backpressure > a client that stalls for `idleTimeout` is destroyed, and the others go on",
    ],
  },
  {
    name: "takes HEAD for GET",
    spoil(_res, req) {
      req.method = "GET";
    },
    found: [
      "is told of the request > its method is the raw one: HEAD",
      "answers without a stream > HEAD gets the headers of a live stream",
    ],
  },
  {
    name: "does not look at the query",
    spoil(_res, req) {
      req.url = req.url?.split("?")[0];
    },
    found: [
      "is told of the request > its cursor is the query",
      "resumes > by the query",
      "answers without a stream > the terminal id gets 204 from a live stream",
    ],
  },
  {
    name: "does not look at the header",
    spoil(_res, req) {
      delete req.headers["last-event-id"];
    },
    found: ["is told of the request > its cursor is the header", "resumes > by the header"],
  },
  {
    name: "forgets the headers that were set before",
    spoil(res) {
      res.appendHeader = () => res;
    },
    found: ["keeps the headers that were set before > on the answer to a stream"],
  },
  {
    name: "leaves no connection alive",
    spoil(res) {
      res.shouldKeepAlive = false;
    },
    found: ["keeps its connection > serves the next request, after a 204, a HEAD and an ended stream"],
  },
  {
    name: "answers what it could not begin with 200",
    spoil(res) {
      Object.defineProperty(res, "statusCode", { get: () => 200, set() {} });
    },
    found: ["leaves to the framework's error handler > an invalid option for a live stream"],
  },
  {
    name: "answers by itself what it could not begin",
    settle: (served, res) =>
      served.catch(() => {
        res.statusCode = 500;
        res.end();
      }),
    found: ["leaves to the framework's error handler > an invalid option for a live stream"],
  },
  {
    name: "takes a client that leaves for an error",
    async settle(served, res) {
      await served;
      if (!res.writableFinished) throw new Error("The client has left.");
    },
    found: ["sees its client leave > while nothing happens: it resets"],
  },
  {
    name: "throws when it is written to after its end",
    distort: gives((good, res) => ({
      write(bytes) {
        if (res.writableFinished) throw new Error("write after end");
        return good.write(bytes);
      },
    })),
    found: ["has a sink that > is over once: closed"],
  },
  {
    name: "cuts the connection of a response that has ended",
    distort: gives((good, _res, req) => ({
      destroy(reason) {
        good.destroy(reason);
        if (reason !== undefined) req.socket.destroy();
      },
    })),
    found: ["keeps its connection > serves the next request, whatever a sink is told after its end"],
  },
  {
    name: "says closed before it gives out its sink",
    distort: opens((open, res, req) => (status, headers, events) => {
      const isOver = res.destroyed || req.method === "HEAD";
      if (isOver) events.closed();
      const told: Events = { ...events, closed: () => isOver || events.closed() };
      return open(status, headers, told);
    }),
    found: [
      "has a sink that > is over once: closed, for HEAD",
      "has a sink that > is over once when its client has left before it began: it resets",
    ],
  },
  {
    name: "writes a MiB at most",
    distort: gives((good) => ({ write: (bytes) => good.write(bytes.subarray(0, 1 << 20)) })),
    found: ["delivers > an event that no buffer takes, whole"],
  },
  {
    name: "says more than a 503",
    distort: opens((open) => (status, headers, events) => {
      const good = open(status, headers, events);
      if (status === 503) good.write(Buffer.from("Busy."));
      return good;
    }),
    found: ["answers without a stream > a full registry that refuses says 503, and when to come back"],
  },
  {
    name: "writes behind headers that stand alone",
    distort: opens((open, res, req) => (...begin) => {
      const good = open(...begin);
      if (req.method === "GET" && begin[0] === 200) return good;
      res.flushHeaders();
      req.socket.write("0\r\n\r\n");
      return good;
    }),
    found: [
      "answers without a stream > HEAD gets the headers of a live stream",
      "answers without a stream > the terminal id gets 204 from a live stream",
    ],
  },
  {
    name: "forgets on a 404 what was set before",
    distort: opens((open, res) => (status, ...rest) => {
      if (status === 404) for (const name of res.getHeaderNames()) res.removeHeader(name);
      return open(status, ...rest);
    }),
    found: ["keeps the headers that were set before > on the answer to a 404"],
  },
  {
    name: "tells headers apart by their case",
    distort: opens((open, res) => (status, headers, events) => {
      const names = (res as unknown as ClientRequest).getRawHeaderNames();
      const earlier = names.map((name) => [name, res.getHeader(name)] as const);
      for (const name of names) res.removeHeader(name);
      for (const [name, value] of Object.entries({ ...Object.fromEntries(earlier), ...headers })) {
        for (const one of [value].flat()) res.appendHeader(name, String(one));
      }
      return open(status, {}, events);
    }),
    found: ["keeps the headers that were set before > on the answer to a stream"],
  },
  {
    name: "keeps a content type that was set before",
    distort: opens((open, res) => (status, headers, events) => {
      const type = res.getHeader("content-type");
      return open(
        status,
        type === undefined ? headers : { ...headers, "content-type": String(type) },
        events,
      );
    }),
    found: ["keeps the headers that were set before > on the answer to a stream"],
  },
  {
    name: "listens to the first request of a connection alone",
    spoil(res, { socket }) {
      if (used.has(socket)) deaf(res);
      used.add(socket);
    },
    found: [
      "keeps its connection > sees the client of a later request leave: it closes the connection",
      "keeps its connection > sees the client of a later request leave: it resets",
      "keeps its connection > sees the client of a later request leave: it closes its half",
    ],
  },
  {
    name: "leaves a listener on the connection for each request",
    spoil: (_res, { socket }) => void socket.on("close", () => undefined),
    found: ["keeps its connection > keeps nothing on it for requests that are over"],
  },
  {
    name: "cuts a pipelined response when its turn has come",
    distort: gives((good, res) => ({
      destroy(reason) {
        if (res.socket === null) res.once("socket", () => good.destroy(reason));
        else good.destroy(reason);
      },
    })),
    found: ["keeps its connection > lets go of a request that is destroyed before its turn, and of no other"],
  },
  {
    name: "mends the cursor",
    distort: reads((cursor) => cursor && decodeURIComponent(cursor.toLowerCase()).slice(0, 64)),
    found: [
      "is told of the request > its cursor is the header, whatever it says",
      "is told of the request > its cursor is the query, decoded once, whatever it says",
    ],
  },
  {
    name: "looks for the cursor by a pattern",
    distort: reads((cursor, req) =>
      req.headers["last-event-id"] ? cursor : /lastEventId=([^&]+)/.exec(queryOf(req))?.[1],
    ),
    found: [
      "is told of the request > its cursor is the query, decoded once, whatever it says",
      "is told of the request > its cursor is nothing when the query has other names",
    ],
  },
  {
    name: "takes the last of two cursors",
    distort: reads((cursor, req) =>
      req.headers["last-event-id"]
        ? cursor
        : new URLSearchParams(queryOf(req)).getAll("lastEventId").at(-1) || undefined,
    ),
    found: ["is told of the request > its cursor is the first of two in the query"],
  },
  {
    name: "resumes no POST",
    distort: reads((cursor, { method }) => (method === "POST" ? undefined : cursor)),
    found: ["is told of the request > its cursor is the header of a POST"],
  },
];

const bad = ({ spoil, distort, settle }: Omit<Fault, "name" | "found">): AdapterUnderTest => ({
  name: "bad",
  start: (answer) =>
    listen(
      createServer((req, res) => {
        const answered = async (): Promise<unknown> => {
          const body = req.method === "POST" ? await text(req) : "";
          spoil?.(res, req);
          const setHeader = (name: string, value: string): void => void res.appendHeader(name, value);
          return answer({
            url: req.url ?? "",
            body,
            setHeader,
            async sse(source, options) {
              const good = toExchange(req, res);
              const { request, open } = distort?.(good, res, req) ?? good;
              const served = serve(request, open, source, options);
              await (settle?.(served, res) ?? served);
            },
          });
        };
        answered().catch(() => {
          res.statusCode = 500;
          res.end();
        });
      }),
    ),
});

/** The tests of the suite, by their names. */
function testsOf(adapter: AdapterUnderTest): Map<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>();
  const path: string[] = [];
  adapterSuite(
    {
      describe(name, register) {
        path.push(name);
        register();
        path.pop();
      },
      test: (name, run) => void tests.set([...path.slice(1), name].join(" > "), run),
    },
    adapter,
  );
  return tests;
}

describe.concurrent.each(faults)("an adapter that $name fails", ({ found, ...fault }) => {
  const tests = testsOf(bad(fault));
  test.each(found)("%s", { timeout: 60_000 }, async (name) => {
    await expect(tests.get(name)?.()).rejects.toThrow();
  });
});

test("and one that cuts a whole connection of HTTP/2 for one response", { timeout: 60_000 }, async () => {
  const tests = testsOf({
    name: "bad",
    capabilities: http2,
    start: async (answer) => ({
      ...(await listen(
        createHttp2Server((req, res) => {
          const { request, open } = toExchange(req, res);
          const bad: OpenSink = (...begin) => ({
            ...open(...begin),
            destroy: () => req.stream.session?.destroy(),
          });
          const url = req.url;
          answer({ url, sse: (source, options) => serve(request, bad, source, options) }).catch(() =>
            res.end(),
          );
        }),
      )),
      protocol: "h2c",
    }),
  });
  const name = "keeps its connection > is not taken from others when one of them is cut";
  await expect(tests.get(name)?.()).rejects.toThrow();
});

test("and one that does nothing bad does not", { timeout: 60_000 }, async () => {
  const tests = testsOf(bad({}));
  for (const name of new Set(faults.flatMap(({ found }) => found))) await tests.get(name)?.();
});
