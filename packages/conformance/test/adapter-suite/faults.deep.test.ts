import { type ClientRequest, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { createServer as createHttp2Server } from "node:http2";
import { adapterSuite, type AdapterUnderTest, listen } from "@holdfast/conformance";
import { serve, type ServeOptions } from "@holdfast/core";
import { type NodeExchange, type OpenSink, type Sink, toExchange } from "@holdfast/node-http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deadline } from "../../src/wire/deadline.ts";
import { http2 } from "../support/capabilities.ts";

// Covers the adapter suite itself: src/adapter-suite, src/harness, src/subject and src/wire.

/** Changes a request and its response before a correct adapter receives them. */
type Change = (res: ServerResponse, req: IncomingMessage) => void;
/** Replaces what a correct adapter passes to core. */
type Wrap = (exchange: NodeExchange, res: ServerResponse, req: IncomingMessage) => NodeExchange;

interface Fault {
  readonly name: string;
  readonly change?: Change;
  readonly wrap?: Wrap;
  /** Replaces the options that a correct adapter passes to core. */
  readonly passOn?: (options: ServeOptions) => ServeOptions;
  /** Replaces the promise that a correct adapter returns. */
  readonly settle?: (served: Promise<void>, res: ServerResponse) => Promise<void>;
  /** The tests that must fail. */
  readonly foundBy: readonly string[];
}

type Write = (chunk: Uint8Array) => boolean;
const originalWrite = (res: ServerResponse): Write => res.write.bind(res);
const replaceWrite = (res: ServerResponse, write: Write): void =>
  void (res.write = write as ServerResponse["write"]);
const asText = (chunk: Uint8Array): string => Buffer.from(chunk).toString();

type Events = Parameters<OpenSink>[2];
const wrapOpen =
  (open: (correct: OpenSink, res: ServerResponse, req: IncomingMessage) => OpenSink): Wrap =>
  (exchange, res, req) => ({ ...exchange, open: open(exchange.open, res, req) });
const wrapSink = (
  change: (correct: Sink, res: ServerResponse, req: IncomingMessage) => Partial<Sink>,
): Wrap =>
  wrapOpen((open, res, req) => (...begin) => {
    const correct = open(...begin);
    return { ...copySink(correct), ...change(correct, res, req) };
  });
/** Spreading the sink itself would lose its methods. */
const copySink = (sink: Sink): Sink => ({
  write: (bytes, events) => sink.write(bytes, events),
  close: () => sink.close(),
  cut: (reason) => sink.cut(reason),
  destroy: (reason) => sink.destroy(reason),
  progress: () => sink.progress?.() ?? 0,
  ...(sink.pageBytes !== undefined && { pageBytes: sink.pageBytes }),
});
const replaceCursor =
  (read: (cursor: string | undefined, req: IncomingMessage) => string | undefined): Wrap =>
  ({ request, open }, _res, req) => ({ request: { ...request, cursor: read(request.cursor, req) }, open });
const queryOf = ({ url }: IncomingMessage): string => new URL(url ?? "", "http://127.0.0.1").search;

const ignoreClose = (res: ServerResponse): void => {
  const emit = res.emit.bind(res);
  res.emit = (event: string, ...args: unknown[]) =>
    (event === "close" && !res.writableFinished) || emit(event, ...args);
};
const usedConnections = new WeakSet<object>();

const faults: readonly Fault[] = [
  {
    name: "ignores backpressure",
    change(res) {
      const write = originalWrite(res);
      replaceWrite(res, (chunk) => (write(chunk), true));
    },
    foundBy: [
      "back-pressure > stops pulling a bare generator while its client does not read",
      "back-pressure > keeps no more than a cursor for a stalled client, which then learns exactly what it missed",
      "sink > returns false from `write` when the transport is full, and calls `drained` when the client reads again",
    ],
  },
  {
    name: "does not say how much the transport has taken of a large write",
    wrap: wrapSink(() => ({ progress: () => 0 })),
    foundBy: [
      "back-pressure > leaves a client alone that takes something within `idleTimeout`, however long one event takes",
    ],
  },
  {
    name: "says that a client takes something that takes nothing",
    wrap: wrapSink(() => ({ progress: () => performance.now() })),
    foundBy: [
      "back-pressure > destroys a client that stalls for `idleTimeout`, and continues for the others",
      "back-pressure > leaves a client alone that takes something within `idleTimeout`, however long one event takes",
    ],
  },
  {
    name: "has a queue of its own",
    wrap: wrapSink((correct, res) => ({
      write: (bytes) => correct.write(bytes) || (!res.destroyed && res.writableLength < 8 << 20),
    })),
    foundBy: ["sink > has no queue of its own for a client that does not read"],
  },
  {
    name: "never calls `drained`",
    change(res) {
      const emit = res.emit.bind(res);
      res.emit = (event: string, ...args: unknown[]) => event === "drain" || emit(event, ...args);
    },
    foundBy: [
      "sink > returns false from `write` when the transport is full, and calls `drained` when the client reads again",
      "back-pressure > sends a slow client everything that is retained",
    ],
  },
  {
    name: "ignores that clients disconnect",
    change: ignoreClose,
    foundBy: [
      "disconnect > is noticed on an idle stream: it closes the connection",
      "disconnect > is noticed on an idle stream: it resets the connection",
      "disconnect > is noticed on an idle stream: it half-closes the connection",
      "disconnect > registers nothing if it comes while the snapshot is pending: it closes the connection",
      "disconnect from a bare source > cleans up a quiet generator: it closes the connection",
      "disconnect from a bare source > cleans up a function whose set-up has not finished: it closes the connection",
      "sink > calls `closed` once when its client disconnects: it resets the connection",
    ],
  },
  {
    name: "holds the headers back until the first frame",
    change(res) {
      const write = originalWrite(res);
      const kept: Uint8Array[] = [];
      replaceWrite(res, (chunk) => {
        kept.push(chunk);
        return kept.length === 1 || kept.splice(0).every(write);
      });
    },
    foundBy: [
      "handshake > sends status, headers and stream.open to a client that waits for its stream",
      "handshake > sends status, headers and retry for a bare source without events: quiet",
    ],
  },
  {
    name: "writes twice",
    change(res) {
      const write = originalWrite(res);
      replaceWrite(res, (chunk) => (write(chunk), write(chunk)));
    },
    foundBy: ["delivery > sends events when they are pushed, one by one and in a burst"],
  },
  {
    name: "writes with a delay",
    change(res) {
      const write = originalWrite(res);
      const kept: Uint8Array[] = [];
      let size = 0;
      replaceWrite(res, (chunk) => {
        kept.push(chunk);
        size += chunk.length;
        return size < 1_024 || kept.splice(0).every(write);
      });
    },
    foundBy: ["delivery > sends events when they are pushed, one by one and in a burst"],
  },
  {
    name: "modifies the bytes that it is given",
    change(res) {
      const write = originalWrite(res);
      replaceWrite(res, (chunk) => {
        const taken = write(chunk.slice());
        chunk.fill(0);
        return taken;
      });
    },
    foundBy: ["sink > does not modify the bytes that it is given"],
  },
  {
    name: "drops heartbeats",
    change(res) {
      const write = originalWrite(res);
      replaceWrite(res, (chunk) => asText(chunk) === ":\n\n" || write(chunk));
    },
    foundBy: ["heartbeats > sends them on an idle stream", "heartbeats > sends them on a quiet bare source"],
  },
  {
    name: "cuts instead of ending",
    change(res) {
      res.end = () => res.destroy();
    },
    foundBy: [
      "sink > calls `closed` once when it is closed",
      "end of a stream > ends the response of a connected client with stream.end",
    ],
  },
  {
    name: "ends instead of cutting",
    change(res) {
      res.destroy = () => res.end();
    },
    foundBy: [
      "sink > calls `closed` once when it is destroyed",
      "back-pressure > destroys a client that stalls for `idleTimeout`, and continues for the others",
    ],
  },
  {
    name: "ends cleanly where it must cut",
    wrap: wrapSink((correct) => ({ cut: () => correct.close() })),
    foundBy: [
      "sink > calls `closed` once when it is cut",
      "end or cut > a stream that is failed MUST be cut behind its terminal id, and then be answered with 204: with `control: false`",
      "end or cut > a stream that is cancelled MUST be cut behind its terminal id, and then be answered with 204: with a `control` function",
      "end or cut > a drained connection MUST be cut behind its `retry:`, and resume: with `control: false`",
      "end or cut > a bare source that throws MUST be cut behind its `retry:`, without a terminal id: with `control: false`",
    ],
  },
  {
    name: "drops what is buffered when it cuts",
    wrap: wrapSink((correct) => ({ cut: (reason) => correct.destroy(reason) })),
    foundBy: ["sink > sends everything that was written before a cut, if it is cut while full"],
  },
  {
    name: "cuts with a reset of the connection",
    wrap: wrapSink((_correct, _res, req) => ({ cut: () => void req.socket.resetAndDestroy() })),
    foundBy: [
      "sink > calls `closed` once when it is cut",
      "end or cut > a stream that is failed MUST be cut behind its terminal id, and then be answered with 204: with `control: false`",
    ],
  },
  {
    name: "treats HEAD as GET",
    change(_res, req) {
      req.method = "GET";
    },
    foundBy: [
      "request > passes the method to core as it was sent: HEAD",
      "response without a stream > answers HEAD with the headers of a live stream",
    ],
  },
  {
    name: "ignores the query",
    change(_res, req) {
      req.url = req.url?.split("?")[0];
    },
    foundBy: [
      "request > takes the cursor from the query",
      "resume > resumes after the cursor in the query",
      "response without a stream > answers the terminal id with 204: a live stream",
    ],
  },
  {
    name: "ignores the Last-Event-ID header",
    change(_res, req) {
      delete req.headers["last-event-id"];
    },
    foundBy: [
      "request > takes the cursor from the header",
      "resume > resumes after the cursor in the header",
    ],
  },
  {
    name: "drops the headers that were set before",
    change(res) {
      res.appendHeader = () => res;
    },
    foundBy: ["headers that were set before > keeps them in the response: a stream"],
  },
  {
    name: "closes the connection after each response",
    change(res) {
      res.shouldKeepAlive = false;
    },
    foundBy: ["connection reuse > serves the next request after a 204, a HEAD and an ended stream"],
  },
  {
    name: "answers an early error with 200",
    change(res) {
      Object.defineProperty(res, "statusCode", { get: () => 200, set() {} });
    },
    foundBy: ["error before the response > leaves an invalid option for a live stream to the error handler"],
  },
  {
    name: "answers an early error itself",
    settle: (served, res) =>
      served.catch(() => {
        res.statusCode = 500;
        res.end();
      }),
    foundBy: ["error before the response > leaves an invalid option for a live stream to the error handler"],
  },
  {
    name: "rejects when a client disconnects",
    async settle(served, res) {
      await served;
      if (!res.writableFinished) throw new Error("The client has disconnected.");
    },
    foundBy: ["disconnect > is noticed on an idle stream: it resets the connection"],
  },
  {
    name: "throws on a write after the end",
    wrap: wrapSink((correct, res) => ({
      write(bytes) {
        if (res.writableFinished) throw new Error("write after end");
        return correct.write(bytes);
      },
    })),
    foundBy: ["sink > calls `closed` once when it is closed"],
  },
  {
    name: "cuts the connection after a response has ended",
    wrap: wrapSink((correct, _res, req) => ({
      destroy(reason) {
        correct.destroy(reason);
        if (reason !== undefined) req.socket.destroy();
      },
    })),
    foundBy: ["connection reuse > serves the next request, whatever is called on the sink after its end"],
  },
  {
    name: "calls `closed` before `open` returns the sink",
    wrap: wrapOpen((open, res, req) => (status, headers, events) => {
      const isOver = res.destroyed || req.method === "HEAD";
      if (isOver) events.closed();
      const laterEvents: Events = { ...events, closed: () => isOver || events.closed() };
      return open(status, headers, laterEvents);
    }),
    foundBy: [
      "sink > calls `closed` once when it is closed, for HEAD",
      "sink > calls `closed` once when its client disconnects before the response begins: it resets the connection",
    ],
  },
  {
    name: "writes at most one MiB of a chunk",
    wrap: wrapSink((correct) => ({ write: (bytes) => correct.write(bytes.subarray(0, 1 << 20)) })),
    foundBy: ["delivery > sends an event that is larger than any buffer whole"],
  },
  {
    name: "sends a body with a 503",
    wrap: wrapOpen((open) => (status, headers, events) => {
      const correct = open(status, headers, events);
      if (status === 503) correct.write(Buffer.from("Busy."));
      return correct;
    }),
    foundBy: ["response without a stream > answers 503 with Retry-After when a full registry refuses"],
  },
  {
    name: "writes after a response without a body",
    wrap: wrapOpen((open, res, req) => (...begin) => {
      const correct = open(...begin);
      if (req.method === "GET" && begin[0] === 200) return correct;
      res.flushHeaders();
      req.socket.write("0\r\n\r\n");
      return correct;
    }),
    foundBy: [
      "response without a stream > answers HEAD with the headers of a live stream",
      "response without a stream > answers the terminal id with 204: a live stream",
    ],
  },
  {
    name: "drops the headers that were set before on a 404",
    wrap: wrapOpen((open, res) => (status, ...rest) => {
      if (status === 404) for (const name of res.getHeaderNames()) res.removeHeader(name);
      return open(status, ...rest);
    }),
    foundBy: ["headers that were set before > keeps them in the response: a 404"],
  },
  {
    name: "treats header names as case-sensitive",
    wrap: wrapOpen((open, res) => (status, headers, events) => {
      const names = (res as unknown as ClientRequest).getRawHeaderNames();
      const earlier = names.map((name) => [name, res.getHeader(name)] as const);
      for (const name of names) res.removeHeader(name);
      for (const [name, value] of Object.entries({ ...Object.fromEntries(earlier), ...headers })) {
        for (const one of [value].flat()) res.appendHeader(name, String(one));
      }
      return open(status, {}, events);
    }),
    foundBy: ["headers that were set before > keeps them in the response: a stream"],
  },
  {
    name: "keeps a content type that was set before",
    wrap: wrapOpen((open, res) => (status, headers, events) => {
      const type = res.getHeader("content-type");
      return open(
        status,
        type === undefined ? headers : { ...headers, "content-type": String(type) },
        events,
      );
    }),
    foundBy: ["headers that were set before > keeps them in the response: a stream"],
  },
  {
    name: "notices disconnects only in the first request of a connection",
    change(res, { socket }) {
      if (usedConnections.has(socket)) ignoreClose(res);
      usedConnections.add(socket);
    },
    foundBy: [
      "connection reuse > notices that the client of a later request disconnects: it closes the connection",
      "connection reuse > notices that the client of a later request disconnects: it resets the connection",
      "connection reuse > notices that the client of a later request disconnects: it half-closes the connection",
    ],
  },
  {
    name: "leaves a listener on the connection for each request",
    change: (_res, { socket }) => void socket.on("close", () => undefined),
    foundBy: ["connection reuse > leaves no listener on the connection when a request is over"],
  },
  {
    name: "admits pipelined requests before their turn",
    wrap: ({ request, open }) => ({ request: { ...request, ready: undefined }, open }),
    foundBy: [
      "pipelined requests > admits each when its turn comes: until then it counts for nothing",
      "pipelined requests > cleans up every one of them when the connection is cut",
    ],
  },
  {
    name: "waits for the turn of a pipelined response whose connection is gone",
    wrap: ({ request, open }, res) => ({
      request: {
        ...request,
        ready: request.ready && new Promise((resolve) => res.once("socket", () => resolve())),
      },
      open,
    }),
    foundBy: [
      "pipelined requests > admits none whose connection is gone before its turn: it closes the connection",
      "pipelined requests > cleans up every one of them when the connection is cut",
    ],
  },
  {
    name: "leaves a listener on the connection for each pipelined request",
    change(res, { socket }) {
      if (res.socket === null) socket.once("close", () => undefined);
    },
    foundBy: [
      "pipelined requests > admits none whose connection is gone before its turn: it resets the connection",
    ],
  },
  {
    name: "normalises the cursor",
    wrap: replaceCursor((cursor) => cursor && decodeURIComponent(cursor.toLowerCase()).slice(0, 64)),
    foundBy: [
      "request > passes on the cursor in the header unchanged, whatever it contains",
      "request > decodes the cursor in the query once, whatever it contains",
    ],
  },
  {
    name: "finds the cursor with a regular expression",
    wrap: replaceCursor((cursor, req) =>
      req.headers["last-event-id"] ? cursor : /lastEventId=([^&]+)/.exec(queryOf(req))?.[1],
    ),
    foundBy: [
      "request > decodes the cursor in the query once, whatever it contains",
      "request > ignores query parameters with similar names",
    ],
  },
  {
    name: "takes the last of two cursors",
    wrap: replaceCursor((cursor, req) =>
      req.headers["last-event-id"]
        ? cursor
        : new URLSearchParams(queryOf(req)).getAll("lastEventId").at(-1) || undefined,
    ),
    foundBy: ["request > takes the first of two cursors in the query"],
  },
  {
    name: "drops the key",
    passOn: ({ key: _key, ...options }) => options,
    foundBy: [
      "keys > counts the connections of a key, and drains those over the limit as busy",
      "keys > lists open connections with what was written to them",
      "keys > drains the connections of a key that is disconnected, and leaves the others alone",
    ],
  },
  {
    name: "serves bare sources without their registry",
    passOn: ({ registry: _registry, ...options }) => options,
    foundBy: ["keys > counts the connections of a key, and drains those over the limit as busy"],
  },
  {
    name: "drops `onClose`",
    passOn: ({ onClose: _onClose, ...options }) => options,
    foundBy: [
      "keys > calls `onClose` once: a bare source",
      "keys > calls `onClose` once: a client that disconnects",
    ],
  },
  {
    name: "calls `onClose` twice",
    passOn: ({ onClose, ...options }) => ({
      ...options,
      onClose(info) {
        onClose?.(info);
        onClose?.(info);
      },
    }),
    foundBy: ["keys > calls `onClose` once: a stream that has ended"],
  },
  {
    name: "ignores the cursor of a POST",
    wrap: replaceCursor((cursor, { method }) => (method === "POST" ? undefined : cursor)),
    foundBy: ["request > takes the cursor from the header of a POST"],
  },
];

const faulty = ({ change, wrap, passOn, settle }: Omit<Fault, "name" | "foundBy">): AdapterUnderTest => ({
  name: "faulty",
  start: (answer) =>
    listen(
      createServer((req, res) => {
        const answered = async (): Promise<unknown> => {
          const body = req.method === "POST" ? await text(req) : "";
          change?.(res, req);
          const setHeader = (name: string, value: string): void => void res.appendHeader(name, value);
          return answer({
            url: req.url ?? "",
            body,
            setHeader,
            async sse(source, options) {
              const correct = toExchange(req, res);
              const { request, open } = wrap?.(correct, res, req) ?? correct;
              const served = serve(request, open, source, passOn?.(options ?? {}) ?? options);
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

/** The tests of the suite by name. */
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

describe("a faulty adapter", () => {
  // These tests wait in vain.
  const { ms } = deadline;
  beforeAll(() => void (deadline.ms = 5_000));
  afterAll(() => void (deadline.ms = ms));

  describe.concurrent.each(faults)("that $name fails", ({ foundBy, ...fault }) => {
    const tests = testsOf(faulty(fault));
    test.each(foundBy)("%s", async (name) => {
      await expect(tests.get(name)?.()).rejects.toThrow();
    });
  });

  test("that cuts the whole HTTP/2 connection for one response fails", async () => {
    const tests = testsOf({
      name: "faulty",
      capabilities: http2,
      start: async (answer) => ({
        ...(await listen(
          createHttp2Server((req, res) => {
            const { request, open } = toExchange(req, res);
            const faultyOpen: OpenSink = (...begin) => ({
              ...copySink(open(...begin)),
              destroy: () => req.stream.session?.destroy(),
            });
            const url = req.url;
            answer({ url, sse: (source, options) => serve(request, faultyOpen, source, options) }).catch(() =>
              res.end(),
            );
          }),
        )),
        protocol: "h2c",
      }),
    });
    const name = "connection reuse > cuts one response without an effect on the others";
    await expect(tests.get(name)?.()).rejects.toThrow();
  });
});

test("an adapter without a fault passes the same tests", { timeout: 300_000 }, async () => {
  const tests = testsOf(faulty({}));
  for (const name of new Set(faults.flatMap(({ foundBy }) => foundBy))) await tests.get(name)?.();
});
