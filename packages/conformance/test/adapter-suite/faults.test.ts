import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { adapterSuite, type AdapterUnderTest, listen } from "@holdfast/conformance";
import { sse } from "@holdfast/node-http";
import { describe, expect, test } from "vitest";

/** What a bad adapter does with a request and its response before a good one gets them. */
type Spoil = (res: ServerResponse, req: IncomingMessage) => void;

interface Fault {
  readonly name: string;
  readonly spoil: Spoil;
  /** The tests that name it. */
  readonly found: readonly string[];
}

type Write = (chunk: Uint8Array) => boolean;
const writeOf = (res: ServerResponse): Write => res.write.bind(res);
const writes = (res: ServerResponse, write: Write): void =>
  void (res.write = write as ServerResponse["write"]);
const asText = (chunk: Uint8Array): string => Buffer.from(chunk).toString();

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
    spoil(res) {
      const emit = res.emit.bind(res);
      res.emit = (event: string, ...args: unknown[]) =>
        (event === "close" && !res.writableFinished) || emit(event, ...args);
    },
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
];

const bad = (spoil: Spoil): AdapterUnderTest => ({
  name: "bad",
  start: (answer) =>
    listen(
      createServer((req, res) => {
        const answered = async (): Promise<unknown> => {
          const body = req.method === "POST" ? await text(req) : "";
          spoil(res, req);
          const setHeader = (name: string, value: string): void => void res.appendHeader(name, value);
          return answer({
            url: req.url ?? "",
            body,
            setHeader,
            sse: (source, options) => sse(req, res, source, options),
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

describe.concurrent.each(faults)("an adapter that $name fails", ({ spoil, found }) => {
  const tests = testsOf(bad(spoil));
  test.each(found)("%s", { timeout: 60_000 }, async (name) => {
    await expect(tests.get(name)?.()).rejects.toThrow();
  });
});

test("and one that does nothing bad does not", { timeout: 60_000 }, async () => {
  const tests = testsOf(bad(() => undefined));
  for (const name of new Set(faults.flatMap(({ found }) => found))) await tests.get(name)?.();
});
