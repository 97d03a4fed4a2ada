import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createRegistry } from "@holdfast/core";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { sse } from "../src/index.ts";

const EVENT = "an event that is long enough to be found";
const FLOOD = 4 << 20;

afterEach(() => vi.restoreAllMocks());

async function listen(handle: RequestListener): Promise<Server> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  return server;
}

/** What comes over a raw connection. */
class Wire {
  readonly socket: Socket;
  text = "";
  #heard: () => void = () => undefined;

  constructor(server: Server) {
    this.socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    onTestFinished(() => void this.socket.destroy());
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      this.text += text;
      this.#heard();
    });
    this.socket.on("close", () => this.#heard());
  }

  ask(path: string, version = "1.1"): void {
    this.socket.write(`GET ${path} HTTP/${version}\r\nHost: x\r\n\r\n`);
  }

  async until(matches: (text: string) => boolean): Promise<string> {
    while (!matches(this.text)) {
      if (this.socket.closed) throw new Error(`The connection is closed: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
    return this.text;
  }
}

/** The chunks of the first response on the wire; its last one is empty when it is over. */
function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  let at = text.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (end < 0 || text.length < end + 4 + size) return chunks;
    chunks.push(text.slice(end + 2, end + 2 + size));
    expect(text.slice(end + 2 + size, end + 4 + size)).toBe("\r\n");
    if (size === 0) return chunks;
    at = end + 4 + size;
  }
}

const textOf = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString();

test("what goes past `res.write` is framed as it frames it, up to the last chunk", async () => {
  const job = await createRegistry().open("job");
  let served: ServerResponse | undefined;
  const write = vi.spyOn(ServerResponse.prototype, "write");
  vi.resetModules();
  const fresh = await import("../src/index.ts");
  const server = await listen((req, res) => void fresh.sse(req, (served = res), job));
  const wire = new Wire(server);
  wire.ask("/");
  await wire.until((text) => text.includes("stream.live"));
  const begun = write.mock.calls.length;
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `${EVENT} ${number}` });
    await wire.until((text) => text.includes(`${EVENT} ${number}`));
  }
  expect(write).toHaveBeenCalledTimes(begun);
  const finished = once(served as ServerResponse, "finish");
  await job.end();
  await finished;
  const chunks = chunksOf(await wire.until((text) => text.endsWith("0\r\n\r\n")));
  expect(chunks.slice(-5)).toEqual([
    `id: ${job.epoch}.1\ndata: ${EVENT} 1\n\n`,
    `id: ${job.epoch}.2\ndata: ${EVENT} 2\n\n`,
    `id: ${job.epoch}.3\ndata: ${EVENT} 3\n\n`,
    expect.stringContaining("stream.end"),
    "",
  ]);
});

test("clients of one stream share the bytes of a chunk", async () => {
  const feed = createRegistry().channel("feed");
  const sockets: Socket[] = [];
  const server = await listen((req, res) => {
    sockets.push(req.socket);
    void sse(req, res, feed);
  });
  const wires = [new Wire(server), new Wire(server)];
  for (const wire of wires) wire.ask("/");
  for (const wire of wires) await wire.until((text) => text.includes("stream.live"));
  const writes = sockets.map((socket) => vi.spyOn(socket, "write"));
  feed.push({ data: EVENT });
  for (const wire of wires) await wire.until((text) => text.includes(EVENT));
  const [one, other] = writes.map(({ mock }) => mock.lastCall?.[0]);
  expect(one).toBeInstanceOf(Buffer);
  expect(one).toBe(other);
});

test("a `write` of somebody else is not passed over", async () => {
  const job = await createRegistry().open("job");
  const theirs = vi.fn<(bytes: Uint8Array) => boolean>();
  const server = await listen((req, res) => {
    // As compression does it.
    theirs.mockImplementation(res.write.bind(res));
    res.write = theirs as typeof res.write;
    void sse(req, res, job);
  });
  const wire = new Wire(server);
  wire.ask("/");
  await wire.until((text) => text.includes("stream.live"));
  job.push({ data: EVENT });
  await wire.until((text) => text.includes(EVENT));
  expect(textOf(theirs.mock.lastCall?.[0])).toContain(EVENT);
});

test("nor is one that comes in the middle", async () => {
  const job = await createRegistry().open("job");
  let served: ServerResponse | undefined;
  const server = await listen((req, res) => void sse(req, (served = res), job));
  const wire = new Wire(server);
  wire.ask("/");
  job.push({ data: "first" });
  await wire.until((text) => text.includes("data: first"));
  const theirs = vi.spyOn(served as ServerResponse, "write");
  job.push({ data: EVENT });
  await wire.until((text) => text.includes(EVENT));
  expect(theirs.mock.calls.map(([bytes]) => textOf(bytes))).toEqual([expect.stringContaining(EVENT)]);
});

test("HTTP/1.0 has no chunks, and gets none", async () => {
  const job = await createRegistry().open("job");
  const server = await listen((req, res) => void sse(req, res, job));
  const wire = new Wire(server);
  wire.ask("/", "1.0");
  await wire.until((text) => text.includes("stream.live"));
  job.push({ data: EVENT });
  await wire.until((text) => text.includes(EVENT));
  await job.end();
  await once(wire.socket, "close");
  const [, body = ""] = wire.text.split("\r\n\r\n");
  expect(body).toMatch(/^event: stream\.open\n/);
  expect(body).not.toMatch(/\r\n/);
});

test("on a connection that is used again, each response has its own chunks and none of the other's", async () => {
  const jobs = createRegistry();
  const server = await listen((req, res) => void sse(req, res, jobs.stream((req.url ?? "").slice(1))));
  const wire = new Wire(server);
  // The second waits for the end of the first, and is pushed to meanwhile.
  const [one, two] = [await jobs.open("one"), await jobs.open("two")];
  wire.ask("/one");
  wire.ask("/two");
  await wire.until((text) => text.includes("stream.live"));
  for (let number = 1; number <= 3; number++) {
    one.push({ data: `one ${number}` });
    two.push({ data: `two ${number}` });
    await wire.until((text) => text.includes(`one ${number}`));
  }
  expect(wire.text).not.toContain(two.epoch);
  await one.end();
  await wire.until((text) => text.includes("two 3"));
  two.push({ data: "two 4" });
  await wire.until((text) => text.includes("two 4"));
  await two.end();
  const text = await wire.until((received) => received.split("0\r\n\r\n").length === 3);
  const second = text.slice(text.lastIndexOf("HTTP/1.1 200"));
  expect(chunksOf(text).join("")).not.toContain(two.epoch);
  expect(chunksOf(second).join("")).not.toContain(one.epoch);
  expect(
    chunksOf(second)
      .join("")
      .match(/data: two/g),
  ).toHaveLength(4);
});

test("it holds while the socket is full, and goes on when that is empty, with everything in order", async () => {
  const registry = createRegistry({ buffer: { bytes: 2 * FLOOD } });
  const job = await registry.open("job");
  let request: IncomingMessage | undefined;
  const server = await listen((req, res) => {
    request = req;
    void sse(req, res, job);
  });
  const wire = new Wire(server);
  wire.ask("/");
  await wire.until((text) => text.includes("stream.live"));
  wire.socket.pause();
  const { socket } = request as IncomingMessage;
  const text = "x".repeat(8_000);
  let pushed = 0;
  while (!socket.writableNeedDrain) {
    job.push({ data: text });
    pushed++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { bytesWritten } = socket;
  for (let more = 0; more < 100; more++, pushed++) job.push({ data: text });
  await new Promise((resolve) => setImmediate(resolve));
  expect(socket.bytesWritten).toBe(bytesWritten);
  await job.end();
  wire.socket.resume();
  await wire.until((received) => received.endsWith("0\r\n\r\n"));
  const ids = [
    ...chunksOf(wire.text)
      .join("")
      .matchAll(/^id: \w+\.(\d+)\ndata: x/gm),
  ].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: pushed }, (_, index) => index + 1));
  expect(socket.listenerCount("drain")).toBeLessThanOrEqual(1);
});

test("a client that leaves in the middle of a chunk leaves nothing behind", async () => {
  const registry = createRegistry({ buffer: { bytes: 2 * FLOOD } });
  const job = await registry.open("job");
  let over: Promise<void> | undefined;
  let request: IncomingMessage | undefined;
  const server = await listen((req, res) => {
    request = req;
    over = sse(req, res, job);
  });
  const wire = new Wire(server);
  wire.ask("/");
  await wire.until((text) => text.includes("stream.live"));
  wire.socket.pause();
  const { socket } = request as IncomingMessage;
  while (!socket.writableNeedDrain) {
    job.push({ data: "x".repeat(8_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  wire.socket.resetAndDestroy();
  await over;
  job.push({ data: EVENT });
  await new Promise((resolve) => setImmediate(resolve));
  expect(registry.gauges().connections).toBe(0);
});
