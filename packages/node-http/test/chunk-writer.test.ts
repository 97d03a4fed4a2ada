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

/** A raw connection and the text received over it. */
class RawConnection {
  readonly socket: Socket;
  text = "";
  #onChange: () => void = () => undefined;

  constructor(server: Server) {
    this.socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    onTestFinished(() => void this.socket.destroy());
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      this.text += text;
      this.#onChange();
    });
    this.socket.on("close", () => this.#onChange());
  }

  request(path: string, version = "1.1"): void {
    this.socket.write(`GET ${path} HTTP/${version}\r\nHost: x\r\n\r\n`);
  }

  async until(matches: (text: string) => boolean): Promise<string> {
    while (!matches(this.text)) {
      if (this.socket.closed) throw new Error(`The connection was closed: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => (this.#onChange = resolve));
    }
    return this.text;
  }
}

/** Decodes the chunks of the first response in the text. The last chunk is empty when the response has ended. */
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

test("chunks that bypass `res.write` are encoded as `res.write` does, up to the last chunk", async () => {
  const job = await createRegistry().open("job");
  let served: ServerResponse | undefined;
  const write = vi.spyOn(ServerResponse.prototype, "write");
  vi.resetModules();
  const freshModule = await import("../src/index.ts");
  const server = await listen((req, res) => void freshModule.sse(req, (served = res), job));
  const connection = new RawConnection(server);
  connection.request("/");
  await connection.until((text) => text.includes("stream.live"));
  const begun = write.mock.calls.length;
  for (let number = 1; number <= 3; number++) {
    job.push({ data: `${EVENT} ${number}` });
    await connection.until((text) => text.includes(`${EVENT} ${number}`));
  }
  expect(write).toHaveBeenCalledTimes(begun);
  const finished = once(served as ServerResponse, "finish");
  await job.end();
  await finished;
  const chunks = chunksOf(await connection.until((text) => text.endsWith("0\r\n\r\n")));
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
  const connections = [new RawConnection(server), new RawConnection(server)];
  for (const connection of connections) connection.request("/");
  for (const connection of connections) await connection.until((text) => text.includes("stream.live"));
  const writes = sockets.map((socket) => vi.spyOn(socket, "write"));
  feed.push({ data: EVENT });
  for (const connection of connections) await connection.until((text) => text.includes(EVENT));
  const [one, other] = writes.map(({ mock }) => mock.lastCall?.[0]);
  expect(one).toBeInstanceOf(Buffer);
  expect(one).toBe(other);
});

test("a `write` that was replaced before the response is not bypassed", async () => {
  const job = await createRegistry().open("job");
  const replacedWrite = vi.fn<(bytes: Uint8Array) => boolean>();
  const server = await listen((req, res) => {
    // Like compression middleware.
    replacedWrite.mockImplementation(res.write.bind(res));
    res.write = replacedWrite as typeof res.write;
    void sse(req, res, job);
  });
  const connection = new RawConnection(server);
  connection.request("/");
  await connection.until((text) => text.includes("stream.live"));
  job.push({ data: EVENT });
  await connection.until((text) => text.includes(EVENT));
  expect(textOf(replacedWrite.mock.lastCall?.[0])).toContain(EVENT);
});

test("a `write` that is replaced during the response is not bypassed", async () => {
  const job = await createRegistry().open("job");
  let served: ServerResponse | undefined;
  const server = await listen((req, res) => void sse(req, (served = res), job));
  const connection = new RawConnection(server);
  connection.request("/");
  job.push({ data: "first" });
  await connection.until((text) => text.includes("data: first"));
  const replacedWrite = vi.spyOn(served as ServerResponse, "write");
  job.push({ data: EVENT });
  await connection.until((text) => text.includes(EVENT));
  expect(replacedWrite.mock.calls.map(([bytes]) => textOf(bytes))).toEqual([expect.stringContaining(EVENT)]);
});

test("an HTTP/1.0 response has no chunks", async () => {
  const job = await createRegistry().open("job");
  const server = await listen((req, res) => void sse(req, res, job));
  const connection = new RawConnection(server);
  connection.request("/", "1.0");
  await connection.until((text) => text.includes("stream.live"));
  job.push({ data: EVENT });
  await connection.until((text) => text.includes(EVENT));
  await job.end();
  await once(connection.socket, "close");
  const [, body = ""] = connection.text.split("\r\n\r\n");
  expect(body).toMatch(/^event: stream\.open\n/);
  expect(body).not.toMatch(/\r\n/);
});

test("on a connection with pipelined requests, each response contains only its own chunks", async () => {
  const jobs = createRegistry();
  const server = await listen((req, res) => void sse(req, res, jobs.stream((req.url ?? "").slice(1))));
  const connection = new RawConnection(server);
  // The second response waits for the end of the first, while events are pushed to both.
  const [one, two] = [await jobs.open("one"), await jobs.open("two")];
  connection.request("/one");
  connection.request("/two");
  await connection.until((text) => text.includes("stream.live"));
  for (let number = 1; number <= 3; number++) {
    one.push({ data: `one ${number}` });
    two.push({ data: `two ${number}` });
    await connection.until((text) => text.includes(`one ${number}`));
  }
  expect(connection.text).not.toContain(two.epoch);
  await one.end();
  await connection.until((text) => text.includes("two 3"));
  two.push({ data: "two 4" });
  await connection.until((text) => text.includes("two 4"));
  await two.end();
  const text = await connection.until((received) => received.split("0\r\n\r\n").length === 3);
  const second = text.slice(text.lastIndexOf("HTTP/1.1 200"));
  expect(chunksOf(text).join("")).not.toContain(two.epoch);
  expect(chunksOf(second).join("")).not.toContain(one.epoch);
  expect(
    chunksOf(second)
      .join("")
      .match(/data: two/g),
  ).toHaveLength(4);
});

test("writing pauses while the socket is full and continues in order after `drain`", async () => {
  const registry = createRegistry({ buffer: { bytes: 2 * FLOOD } });
  const job = await registry.open("job");
  let request: IncomingMessage | undefined;
  const server = await listen((req, res) => {
    request = req;
    void sse(req, res, job);
  });
  const connection = new RawConnection(server);
  connection.request("/");
  await connection.until((text) => text.includes("stream.live"));
  connection.socket.pause();
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
  connection.socket.resume();
  await connection.until((received) => received.endsWith("0\r\n\r\n"));
  const ids = [
    ...chunksOf(connection.text)
      .join("")
      .matchAll(/^id: \w+\.(\d+)\ndata: x/gm),
  ].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: pushed }, (_, index) => index + 1));
  expect(socket.listenerCount("drain")).toBeLessThanOrEqual(1);
});

test("nothing is left behind by a client that disconnects in the middle of a chunk", async () => {
  const registry = createRegistry({ buffer: { bytes: 2 * FLOOD } });
  const job = await registry.open("job");
  let over: Promise<void> | undefined;
  let request: IncomingMessage | undefined;
  const server = await listen((req, res) => {
    request = req;
    over = sse(req, res, job);
  });
  const connection = new RawConnection(server);
  connection.request("/");
  await connection.until((text) => text.includes("stream.live"));
  connection.socket.pause();
  const { socket } = request as IncomingMessage;
  while (!socket.writableNeedDrain) {
    job.push({ data: "x".repeat(8_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  connection.socket.resetAndDestroy();
  await over;
  job.push({ data: EVENT });
  await new Promise((resolve) => setImmediate(resolve));
  expect(registry.gauges().connections).toBe(0);
});
