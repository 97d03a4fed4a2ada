import { connect, type Socket } from "node:net";
import { Client, type ClientRequest } from "./client.ts";

/** Sends a request over a raw HTTP/1.1 connection, so that no library corrects what the server sends. */
export function sendHttp1(port: number, request: ClientRequest): Http1Client {
  return new Http1Connection(port).send(request);
}

/** One socket whose requests are sent one after the other, or pipelined. */
class Http1Connection {
  readonly socket: Socket;
  readonly #waiting: Http1Client[] = [];
  #last: Http1Client | undefined;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk) => this.#read(chunk));
    let closedBy: string | undefined;
    this.socket.on("end", () => (closedBy = "FIN"));
    // `close` follows every error.
    this.socket.on("error", ({ code }: NodeJS.ErrnoException) => (closedBy = code));
    this.socket.on("close", () => {
      for (const client of this.#waiting.splice(0)) client.connectionClosed(closedBy);
    });
  }

  send({ method = "GET", path = "/", headers = {}, body }: ClientRequest): Http1Client {
    const client = new Http1Client(this, method === "HEAD");
    const lines = Object.entries({
      host: "127.0.0.1",
      ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#waiting.push(client);
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
    return client;
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      const client = this.#waiting[0];
      if (client === undefined) {
        if (this.#last !== undefined) this.#last.extra += rest.toString("latin1");
        return;
      }
      this.#last = client;
      rest = client.read(rest);
      if (client.state !== "open") this.#waiting.shift();
    }
  }
}

type Expects =
  | { readonly part: "head" | "size" | "trailer" | "close" }
  | { readonly part: "chunk" | "length"; left: number };

export class Http1Client extends Client {
  readonly #connection: Http1Connection;
  readonly #head: boolean;
  #expects: Expects = { part: "head" };
  #line = Buffer.alloc(0);

  constructor(connection: Http1Connection, head: boolean) {
    super();
    this.#connection = connection;
    this.#head = head;
  }

  pause(): void {
    this.#connection.socket.pause();
  }

  resume(): void {
    this.#connection.socket.resume();
  }

  cut(): void {
    this.#connection.socket.destroy();
  }

  reset(): void {
    this.#connection.socket.resetAndDestroy();
  }

  override halfClose(): void {
    this.#connection.socket.end();
  }

  sendNext(request: ClientRequest = {}): Http1Client {
    return this.#connection.send(request);
  }

  /** Called when the connection has closed. */
  connectionClosed(by: string | undefined): void {
    if (this.#expects.part === "close" && by === "FIN") this.finish("ended");
    else this.finish("cut", by);
  }

  /** Reads the bytes of this response; returns the rest. */
  read(chunk: Buffer): Buffer {
    let rest = chunk;
    while (rest.length > 0 && this.state === "open") rest = this.#readPart(rest);
    return rest;
  }

  #readPart(chunk: Buffer): Buffer {
    const expects = this.#expects;
    switch (expects.part) {
      case "head":
        return this.#until("\r\n\r\n", chunk, (head) => this.#readHead(head));
      case "size":
        return this.#until("\r\n", chunk, (size) => {
          const left = Number.parseInt(size, 16);
          this.#expects = left === 0 ? { part: "trailer" } : { part: "chunk", left: left + 2 };
        });
      case "trailer":
        return this.#until("\r\n", chunk, () => this.finish("ended"));
      case "close":
        this.take(chunk);
        return chunk.subarray(chunk.length);
      case "chunk":
      case "length": {
        const mine = chunk.subarray(0, expects.left);
        // A chunk ends with CRLF, which is not part of the body.
        const text = expects.part === "chunk" ? mine.subarray(0, Math.max(0, expects.left - 2)) : mine;
        expects.left -= mine.length;
        this.take(text);
        if (expects.left === 0 && expects.part === "chunk") this.#expects = { part: "size" };
        else if (expects.left === 0) this.finish("ended");
        return chunk.subarray(mine.length);
      }
    }
  }

  /** Collects text up to `end`; returns the rest of the chunk. */
  #until(end: string, chunk: Buffer, then: (text: string) => void): Buffer {
    const all = Buffer.concat([this.#line, chunk]);
    const at = all.indexOf(end);
    this.#line = at === -1 ? all : Buffer.alloc(0);
    if (at === -1) return all.subarray(all.length);
    then(all.subarray(0, at).toString("latin1"));
    return all.subarray(at + end.length);
  }

  #readHead(head: string): void {
    const [start = "", ...lines] = head.split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const status = Number(start.split(" ")[1]);
    const length = Number(headers["content-length"]);
    this.answer(status, headers);
    if (this.#head || status === 204 || length === 0) this.finish("ended");
    else if (headers["transfer-encoding"] === "chunked") this.#expects = { part: "size" };
    else this.#expects = Number.isNaN(length) ? { part: "close" } : { part: "length", left: length };
  }
}
